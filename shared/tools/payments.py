"""Whether the money of an order is there: paid or authorised, in its currency, and only once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import Invalid
from shared.tools.instruments import Authentication, Instrument, check_instrument, read_authentication
from shared.tools.money import Money, minor_unit, money, total, zero
from shared.tools.reading import Fields
from shared.tools.totals import order_amount, reconcile_totals

__all__ = [
    "Authentication",
    "Duplicate",
    "Instrument",
    "Matched",
    "check_instrument",
    "find_duplicate",
    "match_payments",
    "read_authentication",
    "reconcile_totals",
]

METHODS = ("card", "sepa", "transfer", "wallet", "cash_on_delivery")


@dataclass(frozen=True)
class Payment:
    """One payment of an order, read; amounts are those that went through, in its own currency."""

    id: str
    psp_reference: str | None
    method: str | None
    active: bool
    authorised: Money
    captured: Money
    refunded: Money
    created: dt.datetime | None

    @property
    def kept(self) -> Money:
        """What the shop has of it: captured less refunded."""
        return self.captured - self.refunded

    @property
    def open(self) -> Money:
        """What may still be captured. The authorised sum holds what was captured of it."""
        return max(self.authorised - self.captured, zero(self.authorised.currency))


@dataclass(frozen=True)
class Matched:
    """`status` is paid, authorised, underpaid, overpaid, unpaid or mismatch; `due` is never negative."""

    status: str
    paid: Money
    authorised: Money
    due: Money


@dataclass(frozen=True)
class Duplicate:
    """`kind` is reference_reused (`other`: the order that has it) or charged_twice (`other`: the payment that
    is too much); `excess` is what was paid beyond the amount."""

    kind: str
    other: str
    excess: Money


def read_payments(payments: Sequence[Mapping[str, object]], field: str = "payments") -> list[Payment]:
    """Payments as the payment_validator reads them; Invalid names the field, `payments[1].captured`."""
    listed = Fields({field: payments}).objects(field)
    return [_payment(fields) for fields in listed]


def match_payments(order: Mapping[str, object], payments: Sequence[Mapping[str, object]]) -> Matched:
    """The active payments against the order's amount.

    paid: captured less refunded is the amount. authorised: with what may still be captured it reaches the
    amount, or it is paid on delivery. Any active payment in another currency: mismatch, nothing is added up.
    """
    amount = order_amount(order)
    active = [payment for payment in read_payments(payments) if payment.active]
    nothing = zero(amount.currency)
    if any(payment.captured.currency != amount.currency for payment in active):
        return Matched("mismatch", nothing, nothing, amount)
    paid = total((payment.kept for payment in active), amount.currency)
    authorised = total((payment.open for payment in active), amount.currency)
    due = max(amount - paid, nothing)
    on_delivery = any(payment.method == "cash_on_delivery" for payment in active)
    return Matched(_status(amount, paid, authorised, on_delivery=on_delivery), paid, authorised, due)


def find_duplicate(order: Mapping[str, object], history: Iterable[Mapping[str, object]]) -> Duplicate | None:
    """A payment that was used or taken twice, or None.

    `order` has order_id, amount, currency and payments; `history` are other orders {order_id, payments
    [{psp_reference}]}. A reference that another order carries comes first; else, on an overpaid order, a
    single payment of exactly the amount means that the customer was charged twice.
    """
    fields = Fields.of(order)
    own = fields.text("order_id")
    payments = read_payments([item.data for item in fields.objects("payments")])
    matched = match_payments(order, [item.data for item in fields.objects("payments")])
    excess = max(matched.paid - order_amount(order), zero(matched.paid.currency))
    references = {payment.psp_reference for payment in payments if payment.psp_reference}
    for index, item in enumerate(history):
        past = Fields.of(item, f"history[{index}]")
        theirs = {payment.maybe_text("psp_reference") for payment in past.objects("payments")}
        if past.text("order_id") != own and references & theirs:
            return Duplicate("reference_reused", past.text("order_id"), excess)
    whole = [payment for payment in payments if payment.active and payment.kept == order_amount(order)]
    if matched.status == "overpaid" and whole:
        return Duplicate("charged_twice", max(whole, key=_age).id, excess)
    return None


def _payment(fields: Fields) -> Payment:
    currency = fields.text("currency")
    minor_unit(currency, field=fields.at("currency"))
    method = fields.maybe_text("method")
    if method is not None and method not in METHODS:
        raise Invalid.field(fields.at("method"), f"must be one of {', '.join(METHODS)}")
    payment = Payment(
        id=fields.text("id"),
        psp_reference=fields.maybe_text("psp_reference"),
        method=method,
        active=fields.flag("active"),
        authorised=_amount(fields, "authorised", currency),
        captured=_amount(fields, "captured", currency),
        refunded=_amount(fields, "refunded", currency),
        created=fields.maybe_moment("created"),
    )
    if payment.refunded > payment.captured:
        raise Invalid.field(fields.at("refunded"), "must not exceed captured")
    return payment


def _amount(fields: Fields, name: str, currency: str) -> Money:
    value = fields.data.get(name)
    amount = money(0 if value is None else value, currency, field=fields.at(name))
    if amount.amount < 0:
        raise Invalid.field(fields.at(name), "must not be negative")
    return amount


def _status(amount: Money, paid: Money, authorised: Money, *, on_delivery: bool) -> str:
    if paid == amount:
        return "paid"
    if paid > amount:
        return "overpaid"
    if paid + authorised >= amount or on_delivery:
        return "authorised"
    return "underpaid" if paid.amount > 0 else "unpaid"


def _age(payment: Payment) -> dt.datetime:
    return payment.created or dt.datetime.min.replace(tzinfo=dt.UTC)
