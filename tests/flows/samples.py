"""What the flows send: orders and tickets of the demo shop's customers."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.flows.platform import ROOT

#: Two fleece pullovers and the parcel.
AMOUNT = "135.70"


def order(**changes: Any) -> dict[str, Any]:
    """An ordinary order of a customer of its own: paid, nothing odd about it, everything in stock."""
    number = secrets.token_hex(4)
    home = {
        "name": "Noor de Vries",
        "street": f"Keizersgracht {int(number, 16) % 900 + 1}",
        "city": f"Amsterdam {number}",
        "postal_code": "1015 CS",
        "country": "NL",
    }
    payment = {
        "id": f"pay-{number}",
        "psp_reference": f"psp-{number}",
        "method": "card",
        "active": True,
        "authorised": "0",
        "captured": changes.get("amount", AMOUNT),
        "refunded": "0",
        "currency": "EUR",
        "created": "2026-11-20T09:00:00Z",
        "card": {"bin": "411111", "last4": "1111", "exp_month": 12, "exp_year": 2031},
        "avs": "Y",
        "cvv": "M",
        "eci": "05",
        "trans_status": "Y",
    }
    line = {
        "sku": "FLEECE",
        "name": "Fleece pullover",
        "quantity": 2,
        "unit_price_net": "54.5378",
        "unit_price_gross": "64.90",
        "tax_rate": "0.19",
        "total_gross": "129.80",
    }
    return {
        "order_id": f"order-{number}",
        "amount": AMOUNT,
        "currency": "EUR",
        "customer_id": f"customer-{number}",
        "customer_new": False,
        "email": f"noor.{number}@example.org",
        "lines": [line],
        "shipping_gross": "5.90",
        "discounts": [],
        "payments": [payment],
        "shipping_address": home,
        "billing_address": home,
        "ip_country": "NL",
        "card_country": "NL",
        "device_id": f"device-{number}",
    } | changes


def big_order(**changes: Any) -> dict[str, Any]:
    """An order one cent over the limit: a human must see it before anything is done."""
    return order(**{"amount": "5000.01"} | changes)


def ticket(**changes: Any) -> dict[str, Any]:
    """A plain question."""
    number = secrets.token_hex(4)
    return {
        "ticket_id": f"ticket-{number}",
        "subject": "Opening hours",
        "message": "Hello, what are your opening hours? Thank you, Noor",
        "email": f"noor.{number}@example.org",
        "channel": "email",
    } | changes


def saleor_bodies() -> list[Any]:
    """Ten bodies of Saleor's ORDER_CREATED webhook."""
    lines = (ROOT / "tests" / "data" / "saleor_orders.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def saleor_body(**changes: Any) -> Any:
    """One webhook body, of an order that nobody has placed before."""
    (body,) = saleor_bodies()[0]
    number = secrets.token_hex(4)
    payments = [payment | {"psp_reference": f"psp-{number}"} for payment in body["payments"]]
    return [
        body | {"id": f"saleor-{number}", "user_email": f"noor.{number}@example.org", "payments": payments} | changes
    ]
