"""The signals of each group of fraud screening, decided where the order and its history hold the data."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping

from shared.tools.fraud_history import Activity, History
from shared.tools.fraud_weights import (
    DEFAULT_POLICY,
    FraudPolicy,
    Outlier,
    Signal,
    amount_outlier,
    tail_weight,
    velocity,
    weight,
)
from shared.tools.instruments import read_authentication
from shared.tools.reading import Fields
from shared.tools.totals import order_amount

LEAST_SIMILARITY = 0.70  # Jaro-Winkler of two surnames, below it they differ (policy)


def all_signals(
    order: Mapping[str, object], history: History, policy: FraudPolicy = DEFAULT_POLICY
) -> dict[str, list[Signal]]:
    """The signals of an order by group, undecided ones (value None) included."""
    fields = Fields.of(order)
    facts = {
        "payment": payment_facts(fields),
        "identity": identity_facts(fields),
        "location": location_facts(fields),
    }
    return {
        **{group: _weighed(group, found, history, policy) for group, found in facts.items()},
        "velocity": [_unusual("velocity", seen, "orders") for seen in history.activity],
        "linkage": [_unusual("linkage", seen, "emails") for seen in history.links],
        "amount": [_outlier("amount", amount_outlier(order_amount(order).amount, history.amounts))],
        "basket": [_outlier("basket", _largest_quantity(fields, history))],
    }


def payment_facts(order: Fields) -> dict[str, bool | None]:
    """What the card checks said: `authentication` (payment_validator's result), else the payments."""
    address, code, three_ds = _authentication(order)
    full = None if address is None or code is None else address == "full" and code == "match"
    return {
        "cvv_no_match": None if code is None else code == "no_match",
        "avs_none": None if address is None else address == "none",
        "cvv_match_full_avs": full,
        "three_ds_authenticated": None if three_ds is None else three_ds == "authenticated",
    }


def identity_facts(order: Fields) -> dict[str, bool | None]:
    """Whether the e-mail address is of a disposable service, and the surnames of both addresses differ."""
    email = order.maybe_text("email")
    addresses = order.maybe_object("billing_address"), order.maybe_object("shipping_address")
    billing, shipping = (_surname(address) for address in addresses)
    return {
        "disposable_email": _is_disposable(email) if email and "@" in email else None,
        "surnames_differ": _differ(billing, shipping) if billing and shipping else None,
    }


def location_facts(order: Fields) -> dict[str, bool | None]:
    """Whether the countries of card, IP address and shipping differ from the billing country."""
    billing, shipping = order.maybe_object("billing_address"), order.maybe_object("shipping_address")
    home = billing.maybe_text("country") if billing else None
    others = {
        "card_country_differs": order.maybe_text("card_country"),
        "ip_country_differs": order.maybe_text("ip_country"),
        "shipping_country_differs": shipping.maybe_text("country") if shipping else None,
    }
    return {
        name: None if home is None or other is None else other.casefold() != home.casefold()
        for name, other in others.items()
    }


def _weighed(group: str, facts: Mapping[str, bool | None], history: History, policy: FraudPolicy) -> list[Signal]:
    return [
        Signal(group, name, value, weight(name, history.signals.get(name), policy) if value else 0.0)
        for name, value in facts.items()
    ]


def _unusual(group: str, activity: Activity, what: str) -> Signal:
    name = f"{what}_by_{activity.key}_{activity.window}"
    if not activity.rate:
        return Signal(group, name, None)
    return Signal(group, name, activity.seen, tail_weight(velocity(activity.seen, activity.rate)))


def _outlier(group: str, found: Outlier | None) -> Signal:
    if found is None:
        return Signal(group, f"{group}_outlier", None)
    return Signal(group, f"{group}_outlier", found.m, tail_weight(found.p))


def _largest_quantity(order: Fields, history: History) -> Outlier | None:
    quantities = [line.integer("quantity") for line in order.objects("lines")]
    return amount_outlier(max(quantities), history.quantities) if quantities else None


def _authentication(order: Fields) -> tuple[str | None, str | None, str | None]:
    """Address check, code check and 3-D Secure result; None for what was not checked or is still open."""
    result = order.maybe_object("authentication")
    if result is not None:
        address, code, three_ds = (result.maybe_text(name) for name in ("address", "cvv", "three_ds"))
    else:
        active = (payment for payment in order.objects("payments") if payment.maybe_flag("active"))
        read = [read_authentication(payment.data) for payment in active]
        address = _first(found.address for found in read)
        code = _first(found.cvv for found in read)
        three_ds = _first(found.three_ds for found in read)
    return (
        _known(address, ("full", "street", "postcode", "none")),
        _known(code, ("match", "no_match")),
        _known(three_ds, ("authenticated", "attempted", "failed")),
    )


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _known(value: str | None, decided: tuple[str, ...]) -> str | None:
    return value if value in decided else None


def _is_disposable(email: str) -> bool:
    """Whether the domain, or one above it, is on the list of disposable services."""
    from disposable_email_domains import blocklist  # thousands of names, only for an order with an e-mail

    labels = email.rsplit("@", 1)[1].casefold().rstrip(".").split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def _surname(address: Fields | None) -> str | None:
    """`last_name` where it is given, else the last word of `name`."""
    if address is None:
        return None
    name = address.maybe_text("last_name") or address.maybe_text("name")
    return name if address.maybe_text("last_name") or not name else name.split()[-1]


def _differ(one: str, other: str) -> bool | None:
    """None for names in two scripts: 田中 and Tanaka may be one."""
    folded = [_plain(one), _plain(other)]
    if folded[0].isascii() != folded[1].isascii():
        return None
    from rapidfuzz.distance import JaroWinkler  # 0.02 s, only for an order with two names

    similarity: Callable[[str, str], float] = JaroWinkler.similarity
    return similarity(*folded) < LEAST_SIMILARITY


def _plain(name: str) -> str:
    """Small letters without their marks: Müller and muller are alike."""
    spread = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in spread if not unicodedata.combining(char))
