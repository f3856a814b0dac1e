"""A Saleor ORDER_CREATED body becomes the data of an order task, strictly."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from shared.errors import Invalid
from shared.tools.saleor import is_saleor_order, order_from_saleor


def test_every_shared_body_is_read(saleor_bodies: list[Any]) -> None:
    """150 bodies: ids differ, every line can be told from the others, and the result is JSON."""
    orders = [order_from_saleor(body) for body in saleor_bodies]
    assert len({read["order_id"] for read in orders}) == 150
    assert all(line["sku"] for read in orders for line in read["lines"])  # type: ignore[attr-defined]  # JSON
    assert {read["currency"] for read in orders} == {"PLN", "USD"}
    assert sum(read["email"] is None for read in orders) == sum(not body[0]["user_email"] for body in saleor_bodies)
    assert sum(read["shipping_address"] is None for read in orders) == 12
    assert all(is_saleor_order(body) for body in saleor_bodies)
    json.dumps(orders)


def test_one_body_field_by_field(own_saleor_bodies: list[Any]) -> None:
    """The names that the rules and the order roles read, with the amounts as Saleor wrote them."""
    read = order_from_saleor(own_saleor_bodies[0])
    body = own_saleor_bodies[0][0]
    address = {
        "name": "Noor de Vries",
        "last_name": "de Vries",
        "company": None,
        "street": "Keizersgracht 12",
        "city": "Amsterdam",
        "region": None,
        "postal_code": "1015 CS",
        "country": "NL",
        "phone": None,
    }
    assert read == {
        "order_id": body["id"],
        "placed_at": "2026-10-05T09:00:00Z",
        "amount": "106.950",
        "currency": "EUR",
        "email": "buyer0@example.org",
        "payment_method": "card",
        "shipping_method": "Standard",
        "lines": [
            {
                "sku": "OAK-1",
                "name": "Oak stool",
                "quantity": 2,
                "unit_price_net": "41.322",
                "unit_price_gross": "50.000",
                "tax_rate": "0.2100",
                "total_gross": "100.000",
            }
        ],
        "discounts": [],
        "shipping_gross": "6.950",
        "payments": [
            {
                "id": body["payments"][0]["id"],
                "psp_reference": "own-0-0",
                "method": "card",
                "active": True,
                "authorised": "0",
                "captured": "106.950",
                "refunded": "0",
                "currency": "EUR",
                "created": "2026-10-05T09:00:00Z",
                "card": {"brand": "mastercard"},
            }
        ],
        "shipping_address": address,
        "billing_address": address,
        "channel": "channel-eur",
    }


def test_what_saleor_leaves_empty_is_null(own_saleor_bodies: list[Any]) -> None:
    """No e-mail, no shipping address, no SKU but a variant id, a discount, cash on delivery."""
    gift, discounted, delivered = (order_from_saleor(own_saleor_bodies[index]) for index in (1, 7, 6))
    assert gift["shipping_address"] is None
    assert gift["lines"][0]["sku"] == own_saleor_bodies[1][0]["lines"][0]["variant_name"]  # type: ignore[index]  # JSON
    assert discounted["email"] is None
    assert discounted["discounts"] == [{"amount": "5.000", "name": "SPRING"}]
    assert delivered["payment_method"] == "cash_on_delivery"


def test_a_variant_name_is_no_sku(own_saleor_bodies: list[Any]) -> None:
    """A size such as "M" or "41" does not stand in for a missing SKU."""
    for name in ("M", "41", "", None, "TWFu", "%%%"):
        body = copy.deepcopy(own_saleor_bodies[0][0])
        body["lines"][0] |= {"product_sku": None, "variant_name": name}
        assert order_from_saleor(body)["lines"][0]["sku"] is None  # type: ignore[index]  # JSON


def test_the_order_itself_reads_like_the_array_that_holds_it(own_saleor_bodies: list[Any]) -> None:
    """Both shapes give the same."""
    for body in own_saleor_bodies:
        assert order_from_saleor(body[0]) == order_from_saleor(body)
        assert is_saleor_order(body[0])


@pytest.mark.parametrize("body", [None, 5, "order", [], [{}, {}], {}, [[]], {1: 2}, {"type": "Order"}])
def test_what_is_no_order_is_refused(body: object) -> None:
    """Other JSON is Invalid and is not taken for Saleor's."""
    assert not is_saleor_order(body)
    with pytest.raises(Invalid):
        order_from_saleor(body)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("id",), None, "id"),
        (("id",), "", "id"),
        (("created",), "yesterday", "created"),
        (("created",), "2026-11-01T06:07:00", "created"),
        (("total_gross_amount",), 90.0, "total_gross_amount"),
        (("total_gross_amount",), None, "total_gross_amount"),
        (("total_gross_amount",), "NaN", "total_gross_amount"),
        (("shipping_price_gross_amount",), {}, "shipping_price_gross_amount"),
        (("channel",), "EUR", "channel"),
        (("channel", "currency_code"), "EURO", "channel.currency_code"),
        (("user_email",), 5, "user_email"),
        (("lines",), [], "lines"),
        (("lines", 0, "quantity"), 0, "lines[0].quantity"),
        (("lines", 0, "quantity"), 1.5, "lines[0].quantity"),
        (("lines", 0, "currency"), "USD", "lines[0].currency"),
        (("lines", 0, "unit_price_gross_amount"), None, "lines[0].unit_price_gross_amount"),
        (("payments", 0, "captured_amount"), "much", "payments[0].captured_amount"),
        (("payments", 0, "is_active"), 1, "payments[0].is_active"),
        (("payments", 0, "created"), "now", "payments[0].created"),
        (("discounts",), {"amount": 5}, "discounts"),
        (("shipping_address",), [], "shipping_address"),
        (("billing_address", "country"), None, "billing_address.country"),
        (("billing_address", "city"), "x" * 10_001, "billing_address.city"),
    ],
)
def test_a_wrong_field_is_named_by_saleors_name(
    own_saleor_bodies: list[Any], path: tuple[Any, ...], value: object, field: str
) -> None:
    """Absent and of a wrong type are Invalid by the path in the body."""
    body = copy.deepcopy(own_saleor_bodies[0])
    target = body[0]
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(Invalid) as caught:
        order_from_saleor(body)
    assert caught.value.problems[0].field == field
