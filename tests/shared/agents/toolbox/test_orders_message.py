"""The order_communicator: the one true thing, in the customer's language, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.agents.case import Conclusion
from shared.agents.roles import role
from shared.errors import Invalid
from tests.shared.agents.toolbox.order_shop import ADDRESS, NOW, FakePast, chain, order, payment, shop, work

ROLE = "order_communicator"


def planned(**changed: Any) -> dict[str, Any]:
    """The results of an order that ships on 1 December and arrives on 2 or 3 December."""
    shipment = {"warehouse": "berlin", "ships": "2026-12-01", "earliest": "2026-12-02", "latest": "2026-12-03"}
    plan = {"outcome": "planned", "shipments": [shipment], "short": [], "late": False, "currency": "EUR", **changed}
    paid = {"outcome": "paid", "amount_due": "0.00", "currency": "EUR"}
    return {"payment_validator": paid, "fraud_screener": {"outcome": "accept"}, "fulfilment_planner": plan}


def message(done: Conclusion) -> dict[str, Any]:
    (proposal,) = done.proposals
    assert proposal.action == "send_message"
    return dict(proposal.detail)


def drafted(text: str, **more: Any) -> Conclusion:
    return work(ROLE, order(), **{"results": planned(), "draft": text, **more})


def test_a_confirmation_holds_the_orders_own_facts_in_german() -> None:
    done = work(ROLE, order(amount="1234.50"), results=planned())
    assert (done.outcome, done.confidence, done.escalations) == ("message", 1.0, ())
    sent = message(done)
    assert (sent["about"], sent["kind"], sent["recipient"]) == ("A-1042", "confirmation", "jonas@weber.example")
    assert "1.234,50\xa0€" in sent["body"]  # CLDR, de_DE
    assert "zwischen 02.12.2026 und 03.12.2026" in sent["body"]
    assert sent["send_at"] == NOW.isoformat()


def test_the_tenants_language_speaks_to_who_has_none() -> None:
    done = work(ROLE, order(locale=None), results=planned())
    assert (done.output["locale"], "thank you for your order" in done.output["body"]) == ("en_GB", True)


def test_a_payment_that_is_missing_is_asked_for_with_what_is_due() -> None:
    done = chain(order(payments=[payment(captured="40.00", authorised="40.00")]))
    assert list(done) == ["payment_validator", "order_communicator"]
    sent = message(done["order_communicator"])
    assert (sent["kind"], "50,00\xa0€" in sent["body"]) == ("payment_needed", True)


def test_a_payment_told_twice_sends_one_message() -> None:
    """The order is asked to be paid, is paid, and the payment's fact arrives again: two messages, not three."""
    past = FakePast()
    said = []
    for payments in ([], [payment()], [payment()]):
        done = chain(order(payments=payments), history=past)["order_communicator"]
        past.keep(done)
        said.append((done.outcome, done.output["kind"]))
    assert said == [("message", "payment_needed"), ("message", "confirmation"), ("nothing", None)]
    assert past.messages[1]["replaces"] == ["m0"]  # who has paid is not asked to pay


def test_a_message_that_went_out_is_not_replaced() -> None:
    past = FakePast()
    past.keep(chain(order(payments=[]), history=past)["order_communicator"], status="sent")
    assert message(chain(order(), history=past)["order_communicator"])["replaces"] == []


def test_a_second_delay_is_news_and_the_same_delay_is_not() -> None:
    late = planned(late=True)
    past = FakePast()
    first = work(ROLE, order(), results=late, history=past)
    past.keep(first)
    assert (message(first)["kind"], work(ROLE, order(), results=late, history=past).outcome) == ("delayed", "nothing")
    later = planned(late=True, shipments=[{**late["fulfilment_planner"]["shipments"][0], "latest": "2026-12-07"}])
    assert message(work(ROLE, order(), results=later, history=past))["kind"] == "delayed"


def test_a_delay_beyond_the_day_agreed_on_must_offer_to_cancel_and_is_shown_to_a_human() -> None:
    """Directive 2011/83/EU art. 18."""
    done = work(ROLE, order(promised_by="2026-12-01"), results=planned(late=True))
    assert [reason.trigger for reason in done.escalations] == ["legal_review_required"]
    assert done.output["must_offer_cancel"] is True
    assert "stornieren" in message(done)["body"]


def test_what_is_short_is_a_delay_without_a_date() -> None:
    done = work(ROLE, order(), results=planned(outcome="short", short=[{"units": 1}]))
    assert (message(done)["kind"], done.output["must_offer_cancel"]) == ("delayed", True)


def test_a_date_that_germans_read_otherwise_is_not_sent() -> None:
    """A model writes 12/03 for 3 December: in German that is 12 March. The template's words stand ready instead."""
    done = drafted("Hallo, Ihre Bestellung A-1042 über 90,00 € arrives on 12/03.")
    assert done.output["unsupported"] == ["12/03"]
    (reason,) = done.escalations
    assert (reason.trigger, reason.field, reason.actual) == ("legal_review_required", "draft", ["12/03"])
    assert "12/03" not in message(done)["body"]
    assert done.confidence < 1


@pytest.mark.parametrize(
    "promise",
    [
        "Dazu erhalten Sie 20 % Rabatt.",
        "We guarantee it.",
        "Wir erstatten Ihnen das Geld.",
        "Mehr: https://evil.example/pay",
        "Rufen Sie uns an: +49 30 1234567.",
    ],
)
def test_a_promise_that_nobody_decided_is_not_sent(promise: str) -> None:
    done = drafted(f"Ihre Bestellung A-1042 über 90,00 € ist da. {promise}")
    assert done.output["unsupported"]
    assert [reason.trigger for reason in done.escalations] == ["legal_review_required"]
    assert promise not in message(done)["body"]


def test_a_draft_whose_every_word_stands_is_sent() -> None:
    text = "Guten Tag, vielen Dank für Ihre Bestellung A-1042 über 90,00 €. Sie kommt bis zum 03.12.2026 an."
    done = drafted(text)
    assert (done.escalations, message(done)["body"]) == ((), text)


def test_a_draft_that_leaves_out_what_matters_gives_way_to_the_template() -> None:
    done = drafted("Vielen Dank, wir melden uns!")
    assert (done.escalations, "90,00" in message(done)["body"]) == ((), True)
    assert "the draft was not used" in done.summary


def test_a_link_to_a_foreign_host_in_the_order_is_shown_to_a_human() -> None:
    data = order(payments=[], payment_link="https://evil.example/pay")
    done = chain(data)["order_communicator"]
    assert [reason.field for reason in done.escalations] == ["body"]
    assert done.output["unsupported"] == ["https://evil.example/pay"]


def test_a_card_number_in_a_name_does_not_go_out() -> None:
    name = {**ADDRESS, "name": "Jonas 4111 1111 1111 1111"}
    assert "4111" not in message(work(ROLE, order(shipping_address=name), results=planned()))["body"]


@pytest.mark.parametrize(
    ("data", "channel"),
    [
        ({}, "email"),
        ({"consent": {"email": True, "sms": True}}, "email"),
        ({"consent": {"email": False, "sms": True}, "phone": "+49 170 1234567"}, "sms"),
        ({"consent": {"sms": True}, "phone": "+49 170 1234567"}, "sms"),
        ({"consent": {"email": False, "sms": False}, "phone": "+49 170 1234567"}, None),
        ({"email": None, "phone": "+49 170 1234567"}, None),
        ({"email": "no address"}, None),
        ({"email": "a@b.example\nBcc: all@b.example"}, None),
    ],
)
def test_the_way_is_one_the_customer_agreed_to(data: dict[str, Any], channel: str | None) -> None:
    done = work(ROLE, order(**data), results=planned())
    assert done.output["channel"] == channel
    assert done.outcome == ("message" if channel else "nothing")


def test_a_text_message_waits_for_the_morning_and_its_parts_are_counted() -> None:
    """22:30 in Berlin: 08:00 there the next day is 07:00 UTC in winter."""
    data = order(consent={"email": False, "sms": True}, phone="+49 170 1234567", time_zone="Europe/Berlin")
    done = work(ROLE, data, results=planned(), now=datetime(2026, 12, 11, 21, 30, tzinfo=UTC))
    assert done.output["send_at"] == "2026-12-12T07:00:00+00:00"
    assert (done.output["segments"]["segments"], done.output["subject"]) == (1, "")


@pytest.mark.parametrize("happened", ["refused", "decline"])
def test_an_order_refused_for_fraud_is_worded_by_a_human(happened: str) -> None:
    results = {"payment_validator": {"outcome": "paid"}, "fraud_screener": {"outcome": happened, "fraud_score": 0.98}}
    done = work(ROLE, order(), results=results)
    assert (done.outcome, done.proposals, done.output["body"]) == ("by_human", (), "")
    assert [reason.trigger for reason in done.escalations] == ["fraud_risk_detected"]
    assert done.output["facts"] == []


def test_a_payment_in_another_currency_is_answered_by_a_human() -> None:
    done = chain(order(payments=[payment(currency="USD")]))["order_communicator"]
    assert (done.outcome, [reason.actual for reason in done.escalations]) == ("by_human", ["mismatch"])


def test_a_shops_own_system_can_ask_for_a_message() -> None:
    """The order was fulfilled elsewhere: the task says what happened and by which parcel."""
    shipment = {"carrier": "DHL", "tracking_number": "00340434161094042557", "latest": "2026-12-03"}
    done = work(ROLE, order(happened="fulfilled", shipment=shipment))
    assert (message(done)["kind"], "00340434161094042557" in done.output["body"]) == ("shipped", True)


def test_a_message_without_its_facts_is_not_written() -> None:
    """A shipped order whose day nobody knows: half of what the message requires."""
    done = work(ROLE, order(happened="fulfilled"))
    assert (done.outcome, done.confidence, done.output["missing"]) == ("by_human", 0.5, ["latest"])
    assert (done.proposals, done.confidence < role(ROLE).min_confidence) == ((), True)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({}, "happened"),
        ({"happened": "teleported"}, "happened"),
        ({"happened": "refunded", "order_id": "x" * 201}, "order_id"),
        ({"happened": "refunded", "locale": 7}, "locale"),
    ],
)
def test_what_cannot_be_told_is_refused_by_its_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        work(ROLE, order(**{"refund": {"amount": "1.00"}, **changed}))
    assert refused.value.problems[0].field == field


def test_a_tenants_own_template_goes_first() -> None:
    own = {"de": {"confirmation": {"subject": "Danke {order_id}", "body": ["Bezahlt: {total}"], "sms": "{order_id}"}}}
    done = work(ROLE, order(), results=planned(), settings=shop() | {"order_templates": own})
    assert done.output["body"] == "Bezahlt: 90,00\xa0€"
