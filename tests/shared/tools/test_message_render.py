from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any, Literal

import pytest

from shared.errors import Invalid
from shared.tools.claims import check_claims
from shared.tools.message_render import render
from shared.tools.message_templates import read_templates
from shared.tools.money import Money
from shared.tools.order_facts import MESSAGE_KINDS

HOSTS = ("pay.example", "track.example", "help.example")
VALUES: dict[str, Any] = {
    "order_id": "1042",
    "name": "Zoë Łukasz",
    "shop": "Krämer & Söhne",
    "support_link": "https://help.example/orders",
    "total": Money(Decimal("1234.50"), "EUR"),
    "amount_due": Money(Decimal("34.50"), "EUR"),
    "payment_link": "https://pay.example/p/1042",
    "refund": Money(Decimal("1000"), "JPY"),
    "carrier": "DHL",
    "tracking_number": "JD014600006281230704",
    "tracking_link": "https://track.example/JD014600006281230704",
    "item_count": 22,
    "shipped_count": 20,
    "short_count": 2,
    "earliest": dt.date(2026, 12, 1),
    "latest": dt.date(2026, 12, 3),
    "new_date": dt.date(2026, 12, 9),
    "must_offer_cancel": True,
}


def facts(*without: str, **changed: object) -> list[dict[str, object]]:
    values = {**VALUES, **changed}
    return [{"key": key, "value": value, "source": "test"} for key, value in values.items() if key not in without]


@pytest.mark.parametrize("locale", ["en-US", "en-GB", "de-DE", "de-AT", "fr-FR", "pl-PL"])
@pytest.mark.parametrize("kind", MESSAGE_KINDS)
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_every_product_message_claims_only_its_facts(kind: str, locale: str, channel: Literal["email", "sms"]) -> None:
    for known in (
        facts(),
        facts("name", "carrier", "earliest", "support_link", "payment_link", "item_count"),
    ):
        message = render(kind, locale, known, channel=channel)
        assert message.locale == locale.replace("-", "_")
        checked = check_claims(f"{message.subject}\n{message.body}", known, locale=message.locale, allowed_hosts=HOSTS)
        assert checked.unsupported == ()
        assert "order_id" in {claim.fact for claim in checked.claims}


def test_a_german_confirmation_reads_so() -> None:
    message = render("confirmation", "de-DE", facts())
    assert message.subject == "Wir haben Ihre Bestellung 1042 erhalten"
    assert message.body.split("\n\n") == [
        "Guten Tag Zoë Łukasz,",
        "vielen Dank für Ihre Bestellung 1042: 22 Artikel, insgesamt 1.234,50\u00a0€.",
        "Wir erwarten die Zustellung zwischen 01.12.2026 und 03.12.2026.",
        "Fragen? https://help.example/orders",
        "Krämer & Söhne",
    ]


def test_a_polish_text_message_counts_and_dates_as_polish_does() -> None:
    assert render("shipped", "pl-PL", facts("tracking_link"), channel="sms").body == (
        "Zamówienie 1042 wysłane, dostawa najpóźniej 3 gru 2026."
    )
    for count, words in ((1, "1 artykuł"), (2, "2 artykuły"), (5, "5 artykułów"), (22, "22 artykuły")):
        assert f": {words}, razem" in render("confirmation", "pl-PL", facts(item_count=count)).body


def test_a_french_amount_does_not_force_a_text_message_into_ucs_2() -> None:
    body = render("payment_needed", "fr-FR", facts(amount_due=Money(Decimal("1234.50"), "EUR")), channel="sms").body
    assert "il reste 1 234,50 € à payer" in body


def test_what_is_not_known_is_left_out_and_not_shown_as_a_hole() -> None:
    body = render("confirmation", "en-US", [fact for fact in facts() if fact["key"] in ("order_id", "total")]).body
    assert body == "Hello,\n\nthank you for your order 1042: €1,234.50 in all."


@pytest.mark.parametrize(
    ("kind", "without", "field"),
    [
        ("confirmation", ["total"], "facts.total"),
        ("shipped", ["order_id"], "facts.order_id"),
        ("delayed", ["new_date", "short_count"], "facts.new_date or short_count"),
        ("refunded", ["refund"], "facts.refund"),
    ],
)
def test_a_message_without_what_it_is_about_is_refused(kind: str, without: list[str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        render(kind, "en", facts(*without))
    assert refused.value.problems[0].field == field


@pytest.mark.parametrize("kind", ["delayed", "partly_shipped"])
@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("locale", ["en", "de", "fr", "pl"])
def test_cancellation_is_offered_when_and_only_when_it_must_be(
    kind: str, channel: Literal["email", "sms"], locale: str
) -> None:
    for without in ([], ["support_link"], ["new_date"]):
        offered = render(kind, locale, facts(*without), channel=channel).body
        silent = render(kind, locale, facts(*without, must_offer_cancel=False), channel=channel).body
        word = {"en": "cancel", "de": "stornieren", "fr": "annuler", "pl": "anulować"}[locale]
        assert word in offered
        assert word not in silent


def test_a_template_of_the_tenant_that_hides_the_right_to_cancel_is_refused() -> None:
    own = read_templates({"de": {"delayed": {"subject": "Geduld", "body": ["Bestellung {order_id} dauert."]}}})
    assert render("delayed", "de", facts(must_offer_cancel=False), templates=own).subject == "Geduld"
    with pytest.raises(Invalid, match="must offer to cancel"):
        render("delayed", "de", facts(), templates=own)


def test_a_name_cannot_write_into_the_message() -> None:
    own = read_templates({"en": {"shipped": {"subject": "For {name}", "body": ["{name}"]}}})
    message = render("shipped", "en", facts(name="Eve {total}\r\nBcc: x@example.com"), templates=own)
    assert message.subject == "For Eve {total} Bcc: x@example.com"
    checked = check_claims("Visit http://evil.example", facts(name="Visit http://evil.example"), allowed_hosts=HOSTS)
    assert checked.unsupported


def test_facts_that_went_through_json_give_the_same_message() -> None:
    def plain(value: object) -> object:
        if isinstance(value, Money):
            return {"amount": str(value.amount), "currency": value.currency}
        return value.isoformat() if isinstance(value, dt.date) else value

    sent = [{**fact, "value": plain(fact["value"])} for fact in facts()]
    for kind in MESSAGE_KINDS:
        assert render(kind, "fr-FR", json.loads(json.dumps(sent))) == render(kind, "fr-FR", facts())


def test_a_template_without_a_text_for_sms_is_refused_for_sms() -> None:
    own = read_templates({"en": {"shipped": {"subject": "x", "body": ["x"]}}})
    with pytest.raises(Invalid) as refused:
        render("shipped", "en", facts(), channel="sms", templates=own)
    assert refused.value.problems[0].field == "templates.sms"


def test_a_word_that_nobody_wrote_is_refused_by_its_place() -> None:
    own = read_templates({"en": {"shipped": {"subject": "x", "body": ["{item_count#boxes}"]}}})
    with pytest.raises(Invalid) as refused:
        render("shipped", "en-GB", facts(), templates=own)
    assert refused.value.problems[0].field == "templates.en_GB.words.boxes"


def test_a_fact_of_the_wrong_kind_is_refused_by_its_path() -> None:
    with pytest.raises(Invalid) as refused:
        render("shipped", "en", [*facts("latest"), {"key": "latest", "value": "soon"}])
    assert refused.value.problems[0].field.startswith("facts[")


def test_an_american_date_in_a_german_message_is_no_fact() -> None:
    """The role page: a model writes 12/03 for 3 December to a German customer, who reads 12 March."""
    known = [{"key": "latest", "value": dt.date(2026, 12, 3), "source": "fulfilment_planner"}]
    assert check_claims("Ihre Bestellung: arrives on 12/03", known, locale="de_DE").unsupported
    assert not check_claims("Your order arrives on 12/03", known, locale="en_US").unsupported
