"""What a message refers to: orders of its customer, parcels, amounts, dates and error codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.tools.claim_dates import PartialDate
from shared.tools.claim_patterns import Amount, find_claims
from shared.tools.id_patterns import find_ids, kept_ids

# Enough to find what a customer names; a log pasted below it is not searched for amounts.
READ = 20_000


@dataclass(frozen=True)
class IdTemplates:
    """How a tenant's numbers look, see id_patterns. The defaults take S10 and UPS numbers for parcels."""

    order: tuple[str, ...] = (
        "order {d}", "order no {d}", "order number {d}", "order id {d}", "bestellung {d}", "bestellnummer {d}",
        "auftrag {d}", "commande {d}", "pedido {d}", "zamówienie {d}", "#{d}",
    )  # fmt: skip
    tracking: tuple[str, ...] = (
        "{2a}{9d}{2a}", "1Z{16x}", "JJD{d}", "tracking number {d}", "tracking no {d}", "sendungsnummer {d}",
    )  # fmt: skip
    error: tuple[str, ...] = (
        "error {d}", "error code {d}", "code {d}", "status {3d}", "http {3d}", "E{d}", "E-{d}", "ERR{d}", "ERR-{d}",
        "ERR_{d}", "0x{8x}", "fehler {d}", "fehlercode {d}",
    )  # fmt: skip


@dataclass(frozen=True)
class References:
    """`order_ids` exist for the customer; `unknown_orders` look like orders and do not. `amounts` are as
    "49.90 EUR" (a sign with several meanings: the text itself), `dates` as "2026-12-03", "12-03" without a
    year and "2026-12" without a day, the others as found, in capitals."""

    order_ids: tuple[str, ...] = ()
    unknown_orders: tuple[str, ...] = ()
    tracking: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()


def find_references(
    text: str,
    orders: Collection[str],
    templates: IdTemplates | None = None,
    *,
    locale: str = "en_US",
) -> References:
    """The references in the first 20,000 characters of `text`.

    `orders` are the ids of the customer's own orders: an order id is kept only if it is one of them, because a
    typed number may be anybody's. Amounts and dates are read as `locale` writes them (CLDR). Raises Invalid for a
    template or a locale that cannot be read.
    """
    look, part = templates or IdTemplates(), text[:READ]
    named = find_ids(part, look.order)
    own = kept_ids(named, orders)
    claims = find_claims(part, locale)
    return References(
        order_ids=own,
        unknown_orders=tuple(one for one in named if not kept_ids([one], own)),
        tracking=find_ids(part, look.tracking),
        amounts=_once(_amount(c.value, c.text) for c in claims if isinstance(c.value, Amount)),
        dates=_once(_date(c.value) for c in claims if isinstance(c.value, PartialDate)),
        error_codes=find_ids(part, look.error),
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _amount(value: Amount, text: str) -> str:
    return f"{value.amount} {next(iter(value.currencies))}" if len(value.currencies) == 1 else text


def _date(value: PartialDate) -> str:
    month = f"{value.month:02}" if value.year is None else f"{value.year:04}-{value.month:02}"
    return month if value.day is None else f"{month}-{value.day:02}"
