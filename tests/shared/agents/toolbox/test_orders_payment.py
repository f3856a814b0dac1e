"""The payment_validator: whether the right money is really there, once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shared.errors import Invalid
from shared.tools.saleor import order_from_saleor
from tests.shared.agents.toolbox.order_shop import FakePast, case_of, order, payment, work

ROLE = "payment_validator"


def actions(conclusion: Any) -> list[str]:
    return [proposal.action for proposal in conclusion.proposals]


def test_a_paid_order_passes_with_every_check_decided() -> None:
    done = work(ROLE, order())
    assert (done.outcome, done.confidence, done.proposals, done.escalations) == ("paid", 1.0, (), ())
    assert done.output["authentication"] == {"address": "full", "cvv": "match", "three_ds": "authenticated"}
    assert done.output["liability_shift"] is True
    assert done.signals == {}


def test_of_the_150_bodies_137_are_paid_and_13_unpaid_and_all_totals_reconcile(saleor_bodies: list[Any]) -> None:
    """The proof of the page. Four of six checks are decided: no body tells an expiry, or how its payer was proven."""
    done = [work(ROLE, order_from_saleor(body)) for body in saleor_bodies]
    assert Counter(one.outcome for one in done) == {"paid": 137, "unpaid": 13}
    assert all(one.output["totals_ok"] for one in done)
    assert {one.confidence for one in done} == {4 / 6}
    assert {tuple(one.output["undecided"]) for one in done} == {("check_instrument", "read_authentication")}


def test_two_captures_of_the_whole_amount_wait_for_a_human_to_refund_one() -> None:
    """90.00 captured twice on an order of 90.00: overpaid, 90.00 to refund, of the later payment."""
    later = payment(id="pay-2", psp_reference="psp-2", created="2026-12-11T13:29:30Z")
    done = work(ROLE, order(payments=[payment(), later]))
    assert done.outcome == "overpaid"
    (refund,) = done.proposals
    detail = {"order_id": "A-1042", "payment": "pay-2", "amount": "90.00", "currency": "EUR"}
    assert (refund.action, refund.detail) == ("refund_excess", detail)
    assert done.output["duplicate"]["kind"] == "charged_twice"


def test_more_than_due_without_a_double_charge_is_looked_at() -> None:
    done = work(ROLE, order(payments=[payment(captured="95.00", authorised="95.00")]))
    assert (done.outcome, done.proposals) == ("overpaid", ())
    (reason,) = done.escalations
    assert (reason.trigger, reason.actual, reason.limit) == ("unusual_behavior_pattern", "95.00", "90.00")


@pytest.mark.parametrize(
    ("payments", "outcome", "due"),
    [
        ([], "unpaid", "90.00"),
        ([payment(captured="40.00", authorised="40.00")], "underpaid", "50.00"),
        ([payment(currency="USD")], "mismatch", "90.00"),
        ([payment(active=False)], "unpaid", "90.00"),
    ],
)
def test_an_order_without_its_money_is_held_and_needs_no_human(payments: Any, outcome: str, due: str) -> None:
    done = work(ROLE, order(payments=payments))
    assert (done.outcome, actions(done), done.escalations) == (outcome, ["hold_order"], ())
    assert done.output["amount_due"] == due


def test_money_that_is_only_authorised_may_go_on() -> None:
    assert work(ROLE, order(payments=[payment(captured="0")])).outcome == "authorised"
    delivery = {"id": "cod", "method": "cash_on_delivery", "active": True, "currency": "EUR"}
    done = work(ROLE, order(payments=[delivery]))
    assert (done.outcome, done.output["undecided"]) == ("authorised", ["find_duplicate"])


def test_payments_that_nobody_told_of_are_a_check_not_decided() -> None:
    done = work(ROLE, order(payments=None))
    assert (done.outcome, done.confidence, done.output["undecided"]) == ("unpaid", 2 / 3, ["match_payments"])


def test_totals_that_do_not_add_up_hold_the_order_for_a_human() -> None:
    line = {**order()["lines"][0], "total_gross": "99.80"}
    done = work(ROLE, order(lines=[line]))
    assert (done.outcome, actions(done), done.output["totals_ok"]) == ("paid", ["hold_order"], False)
    (reason,) = done.escalations
    assert (reason.field, reason.actual) == ("difference", ["-10.00", "lines[0] total"])


def test_a_reference_that_another_order_carries_is_looked_at() -> None:
    past = FakePast(orders={"task-0": order(order_id="A-1041"), "task-1": order()})
    done = work(ROLE, order(), history=past)
    assert (actions(done), done.output["duplicate"]["other"]) == (["hold_order"], "A-1041")
    assert [reason.field for reason in done.escalations] == ["psp_reference"]


def test_the_same_order_again_is_no_duplicate_of_itself() -> None:
    """PaymentProcessed starts a second task for the order: the first one carries the same reference."""
    done = work(ROLE, order(), history=FakePast(orders={"task-0": order()}))
    assert (done.output["duplicate"], done.proposals) == (None, ())


def test_an_expired_card_is_looked_at() -> None:
    card = {**payment()["card"], "exp_month": 11, "exp_year": 2026}
    done = work(ROLE, order(payments=[payment(captured="0", card=card)]))
    assert (done.outcome, [reason.field for reason in done.escalations]) == ("authorised", ["card.exp_year"])
    assert done.output["instrument"][0]["payment"] == "pay-1"


def test_a_masked_iban_is_not_decided_and_a_wrong_one_is_wrong() -> None:
    """The front door masks sound IBANs (DE89370400440532013000 is one); DE88... fails its check digits (ISO 13616)."""
    bank = payment(method="sepa", card=None, avs=None, cvv=None, eci=None, trans_status=None)
    masked = work(ROLE, order(payments=[{**bank, "iban": "****3000"}]))
    assert (masked.output["undecided"], masked.escalations) == (["check_instrument"], ())
    wrong = work(ROLE, order(payments=[{**bank, "iban": "DE88370400440532013000"}]))
    assert [reason.field for reason in wrong.escalations] == ["iban"]


def test_liability_shifts_only_with_every_card() -> None:
    half = [
        payment(captured="45.00", authorised="45.00"),
        payment(id="pay-2", psp_reference="psp-2", captured="45.00", authorised="45.00", trans_status="N"),
    ]
    assert work(ROLE, order(payments=half)).output["liability_shift"] is False


def test_data_that_came_past_the_mask_breaks_the_policy() -> None:
    done = work(ROLE, order(note="pay with 4111 1111 1111 1111"))
    assert done.signals == {"policy_violations": ["card in note"]}
    assert "4111" not in str(done.output)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"currency": "JPY", "amount": "1000.50"}, "amount"),
        ({"amount": 90.0}, "amount"),
        ({"lines": []}, "lines"),
        ({"lines": [{**order()["lines"][0], "quantity": 0}]}, "lines[0].quantity"),
        ({"order_id": None}, "order_id"),
        ({"payments": [payment(refunded="91.00")]}, "payments[0].refunded"),
        ({"discounts": [{"amount": "ten"}]}, "discounts[0].amount"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        work(ROLE, order(**changed))
    assert refused.value.problems[0].field == field


def test_every_amount_is_read_in_the_orders_currency() -> None:
    found = case_of(ROLE, order(discounts=[{"amount": "0.00"}])).get("money")
    fields = [one["field"] for one in found]
    prices = ["lines[0].unit_price_net", "lines[0].unit_price_gross", "lines[0].total_gross"]
    assert fields == ["amount", "shipping_gross", "discounts[0].amount", *prices, "payments pay-1"]
    assert {one["currency"] for one in found} == {"EUR"}
