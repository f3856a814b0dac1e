"""Finds in a reply what belongs to somebody else: addresses, phone numbers, order numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.tools.claim_patterns import find_claims
from shared.tools.id_patterns import find_ids, kept_ids
from shared.tools.references import IdTemplates


@dataclass(frozen=True)
class Contacts:
    """What is somebody's own, a customer's or the shop's: e-mail addresses, phone numbers, order numbers."""

    emails: Collection[str] = ()
    phones: Collection[str] = ()
    orders: Collection[str] = ()


@dataclass(frozen=True)
class Leak:
    """A value in a reply that is neither the customer's nor the shop's; `kind` is email, phone or order."""

    kind: str
    text: str


def leak_check(
    reply: str,
    customer: Contacts,
    shop: Contacts | None = None,
    *,
    templates: IdTemplates | None = None,
    locale: str = "en_US",
) -> tuple[Leak, ...]:
    """E-mail addresses, phone numbers and order numbers of `reply` that are not the customer's or the shop's own.

    A national phone number counts as the same as its international form if it ends in the same nine digits.
    """
    owners = [customer, shop or Contacts()]
    emails = {email.strip().casefold() for owner in owners for email in owner.emails}
    phones = [_digits(phone) for owner in owners for phone in owner.phones]
    orders = [order for owner in owners for order in owner.orders]
    claims = find_claims(reply, locale)
    leaks = [
        *(Leak("email", c.text) for c in claims if c.kind == "email" and c.text.casefold() not in emails),
        *(Leak("phone", c.text) for c in claims if c.kind == "phone" and not _known(_digits(c.text), phones)),
        *(Leak("order", one) for one in _orders(reply, templates) if not kept_ids([one], orders)),
    ]
    return tuple(dict.fromkeys(leaks))


def _orders(reply: str, templates: IdTemplates | None) -> Iterable[str]:
    return find_ids(reply, (templates or IdTemplates()).order)


def _digits(phone: str) -> str:
    return re.sub(r"\D", "", phone).lstrip("0")


def _known(digits: str, phones: Iterable[str]) -> bool:
    return any(digits == phone or (min(len(digits), len(phone)) >= 9 and digits[-9:] == phone[-9:]) for phone in phones)
