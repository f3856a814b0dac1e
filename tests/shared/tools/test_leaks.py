"""Leaks: what a reply says of somebody else."""

from __future__ import annotations

import pytest

from shared.tools.leaks import Contacts, Leak, leak_check
from shared.tools.references import IdTemplates

ANNA = Contacts(emails=["Anna@home.example"], phones=["+49 30 123456789"], orders=["1042"])
SHOP = Contacts(emails=["help@shop.example"], phones=["+49 800 1234567"])


@pytest.mark.parametrize(
    "reply",
    [
        "Your order 1042 is on its way.",
        "We write to anna@home.example.",
        "We call you at 030 123456789.",
        "Questions? help@shop.example, +49 800 1234567",
        "It left on 15 December 2026 and cost 49.90 EUR.",
        "",
    ],
)
def test_the_customers_own_and_the_shops_are_no_leaks(reply: str) -> None:
    assert leak_check(reply, ANNA, SHOP) == ()


@pytest.mark.parametrize(
    ("reply", "leak"),
    [
        ("Order 1043 is on its way.", Leak("order", "1043")),
        ("We wrote to bob@home.example.", Leak("email", "bob@home.example")),
        ("We called +49 30 987654321.", Leak("phone", "+49 30 987654321")),
    ],
)
def test_what_belongs_to_somebody_else_is_found(reply: str, leak: Leak) -> None:
    assert leak_check(reply, ANNA, SHOP) == (leak,)


def test_a_tenants_own_order_numbers_are_checked() -> None:
    customer = Contacts(orders=["SO-000001"])
    found = leak_check("SO-000001 and SO-000002", customer, templates=IdTemplates(order=("SO-{6d}",)))
    assert found == (Leak("order", "SO-000002"),)
