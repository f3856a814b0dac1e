"""Saleor's ORDER_CREATED webhook body as the `data` of an order task.

Field names of the body are those of Saleor's webhook payload generator (3.x); those of the result are the
ones that the escalation rules and the order roles read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from shared.errors import Invalid
from shared.tools.money import minor_unit
from shared.tools.reading import Fields

# payment_method_type of Saleor is free text of its payment plugin.
METHODS = {
    "card": "card",
    "sepa": "sepa",
    "sepa_debit": "sepa",
    "transfer": "transfer",
    "bank_transfer": "transfer",
    "wallet": "wallet",
    "paypal": "wallet",
    "apple_pay": "wallet",
    "google_pay": "wallet",
    "cash_on_delivery": "cash_on_delivery",
    "cod": "cash_on_delivery",
}


def order_from_saleor(body: object) -> dict[str, object]:
    """One order from a webhook body: a JSON array that holds it, or the order itself.

    Gives JSON: order_id, placed_at, amount, currency, email, payment_method, shipping_method, lines,
    discounts, shipping_gross, payments, shipping_address, billing_address and channel; amounts stay text as
    Saleor wrote them, what Saleor leaves empty is null. Everything else of the body is dropped: no role reads
    it. Raises Invalid naming the body's field when a required one is absent or one is of a wrong type.
    """
    if isinstance(body, list):
        if len(body) != 1:
            raise Invalid.field("body", "must hold exactly one order")
        body = body[0]
    order = Fields.of(body)
    channel = order.object("channel")
    currency = channel.text("currency_code")
    minor_unit(currency, field=channel.at("currency_code"))
    payments = [_payment(payment) for payment in order.objects("payments")]
    order.moment("created")
    return {
        "order_id": order.text("id"),
        "placed_at": order.text("created"),
        "amount": _decimal(order, "total_gross_amount"),
        "currency": currency,
        "email": order.maybe_text("user_email"),
        "payment_method": _method_of(payments),
        "shipping_method": order.maybe_text("shipping_method_name"),
        "lines": _lines(order, currency),
        "discounts": [_discount(discount) for discount in order.objects("discounts")],
        "shipping_gross": _decimal(order, "shipping_price_gross_amount"),
        "payments": payments,
        "shipping_address": _address(order, "shipping_address"),
        "billing_address": _address(order, "billing_address"),
        "channel": channel.maybe_text("slug"),
    }


def _lines(order: Fields, currency: str) -> list[dict[str, object]]:
    lines = order.objects("lines")
    if not lines:
        raise Invalid.field("lines", "must hold at least one line")
    return [_line(line, currency) for line in lines]


def _line(line: Fields, currency: str) -> dict[str, object]:
    if line.text("currency") != currency:
        raise Invalid.field(line.at("currency"), f"must be the channel's, {currency}")
    if line.integer("quantity") < 1:
        raise Invalid.field(line.at("quantity"), "must be at least 1")
    return {
        "sku": line.maybe_text("product_sku") or _variant(line),
        "name": line.maybe_text("product_name"),
        "quantity": line.integer("quantity"),
        "unit_price_net": _decimal(line, "unit_price_net_amount"),
        "unit_price_gross": _decimal(line, "unit_price_gross_amount"),
        "tax_rate": _decimal(line, "tax_rate"),
        "total_gross": _decimal(line, "total_price_gross_amount"),
    }


def _variant(line: Fields) -> str | None:
    """The global id of the variant, which Saleor gives in the place of its name when it has neither name nor
    SKU: the one thing that still tells stock apart."""
    given = line.maybe_text("product_variant_id") or line.maybe_text("variant_name")
    try:
        decoded = base64.b64decode(given or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    return given if decoded.startswith(b"ProductVariant:") else None


def _payment(payment: Fields) -> dict[str, object]:
    method = (payment.maybe_text("payment_method_type") or "").casefold()
    brand = payment.maybe_text("cc_brand")
    return {
        "id": payment.text("id"),
        "psp_reference": payment.maybe_text("psp_reference"),
        "method": METHODS.get(method),
        "active": payment.flag("is_active"),
        # Saleor keeps no authorised sum here, and takes a refund off the captured one.
        "authorised": "0",
        "captured": _decimal(payment, "captured_amount"),
        "refunded": "0",
        "currency": payment.text("currency"),
        "created": _time(payment, "created"),
        "card": {"brand": brand} if brand else None,
    }


def _discount(discount: Fields) -> dict[str, object]:
    name = "amount_value" if "amount_value" in discount.data else "amount"
    return {"amount": _decimal(discount, name), "name": discount.maybe_text("name")}


def _address(order: Fields, name: str) -> dict[str, object] | None:
    address = order.maybe_object(name)
    if address is None:
        return None
    street = [address.maybe_text(line) for line in ("street_address_1", "street_address_2")]
    names = [address.maybe_text(part) for part in ("first_name", "last_name")]
    return {
        "name": " ".join(part for part in names if part) or None,
        "last_name": names[1],
        "company": address.maybe_text("company_name"),
        "street": ", ".join(line for line in street if line) or None,
        "city": address.maybe_text("city"),
        "region": address.maybe_text("country_area"),
        "postal_code": address.maybe_text("postal_code"),
        "country": address.text("country"),
        "phone": address.maybe_text("phone"),
    }


def _method_of(payments: list[dict[str, object]]) -> object:
    """The method of the first active payment."""
    return next((payment["method"] for payment in payments if payment["active"]), None)


def _decimal(fields: Fields, name: str) -> str:
    """Checked as a decimal, given as it was written."""
    number = fields.decimal(name)
    written = fields.data[name]
    return written if isinstance(written, str) else f"{number:f}"


def _time(fields: Fields, name: str) -> str | None:
    fields.maybe_moment(name)
    return fields.maybe_text(name)


def is_saleor_order(body: object) -> bool:
    """Whether a body looks like Saleor's (an array of one order, or the order), before a strict reading."""
    order = body[0] if isinstance(body, list) and len(body) == 1 else body
    return isinstance(order, Mapping) and order.get("type") == "Order" and "total_gross_amount" in order
