"""When a customer whose order is delayed must be offered to cancel it.

The rules are data, as of 2026-11; an operator may pass others. They name the law and are no advice about a
case.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import Invalid
from shared.tools.measures import country, maybe_day, zone
from shared.tools.reading import Fields
from shared.tools.tables.territories import EEA


@dataclass(frozen=True)
class DelayRule:
    """Without a day agreed on, `days` after the contract is the last; `counts`: what is due by then."""

    countries: frozenset[str]
    days: int
    counts: Literal["delivery", "shipment"]
    law: str


RULES: tuple[DelayRule, ...] = (
    DelayRule(EEA, 30, "delivery", "Directive 2011/83/EU art. 18"),
    DelayRule(frozenset({"GB"}), 30, "delivery", "Consumer Rights Act 2015 s. 28"),
    DelayRule(frozenset({"US"}), 30, "shipment", "16 CFR 435.2"),
)


@dataclass(frozen=True)
class DelayRights:
    """Whether the message must offer to cancel, and why or why not."""

    must_offer_cancel: bool
    reason: str


def delay_rights(
    order: Mapping[str, object],
    new_date: dt.date | None,
    *,
    new_ship_date: dt.date | None = None,
    rules: Sequence[DelayRule] = RULES,
) -> DelayRights:
    """Judge the day on which the order is now expected to arrive; None when no day can be named.

    order: {placed_at, shipping_address {country}, promised_by (the day agreed on or stated), time_zone of
    the customer, UTC if not given}. `new_ship_date`: where the law counts the shipment (US), the day on
    which the carrier gets it; without it the later day of arrival is judged, so that an offer is made too
    often rather than not. A country without a rule: no duty that is known here, and the reason says so.
    """
    fields = Fields.of(order)
    code = country(fields.object("shipping_address"))
    rule = next((rule for rule in rules if code in rule.countries), None)
    if rule is None:
        return DelayRights(False, f"no rule is on file for {code}")
    agreed = maybe_day(fields, "promised_by")
    limit, what = (agreed, "the day agreed on") if agreed else (_days_after(fields, rule.days), "the last day by law")
    expected = new_ship_date if rule.counts == "shipment" and new_ship_date else new_date
    if expected is None:
        return DelayRights(True, f"no new date can be named ({rule.law})")
    late = expected > limit
    verdict = "is later than" if late else "is not later than"
    return DelayRights(late, f"{expected.isoformat()} {verdict} {limit.isoformat()}, {what} ({rule.law})")


def _days_after(fields: Fields, days: int) -> dt.date:
    """The day of the contract is not counted (Regulation (EEC, Euratom) 1182/71 art. 3(1))."""
    customer_zone = zone(fields, "time_zone") if fields.data.get("time_zone") is not None else dt.UTC
    try:
        return fields.moment("placed_at").astimezone(customer_zone).date() + dt.timedelta(days=days)
    except OverflowError:
        raise Invalid.field(fields.at("placed_at"), "is outside the years 1 to 9999") from None
