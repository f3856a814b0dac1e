"""The payment_validator's tools: whether the money of an order is really there.

An IBAN that was masked on its way in cannot be checked any more: it counts as not decided, never as wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.agents.case import Case, Conclusion, Escalation, Proposal
from shared.agents.toolbox.orders_case import past_of, plain
from shared.tools import payments as tools
from shared.tools.money import Money
from shared.tools.money import money as read_money
from shared.tools.reading import Fields
from shared.tools.sensitive import FORBIDDEN, MASK
from shared.tools.sensitive import mask_sensitive as mask
from shared.tools.totals import order_amount

#: Outcomes on which the order is held until its money is right; holding it can be undone at any time.
HELD = frozenset({"unpaid", "underpaid", "mismatch"})
#: Payments of these methods have an instrument that can be checked.
WITH_INSTRUMENT = frozenset({"card", "sepa"})
SAYS = {
    "paid": "{amount} is paid",
    "authorised": "{amount} is authorised or paid on delivery",
    "unpaid": "nothing of {amount} is paid",
    "underpaid": "{due} of {amount} is still due",
    "overpaid": "more than {amount} is paid: {paid}",
    "mismatch": "a payment is in another currency than the order's {amount}",
}


def mask_sensitive(case: Case) -> dict[str, Any]:
    """Card numbers, IBANs and verification codes that still stand in the order's data, by where they stand."""
    return {"findings": plain(mask(dict(case.data)).findings)}


def money(case: Case) -> list[dict[str, Any]]:
    """Every amount of the order, read exactly in its currency: the amount, its parts and its payments."""
    amount = order_amount(case.data)
    order = Fields.of(case.data)
    places = [(order, "shipping_gross"), *((discount, "amount") for discount in order.objects("discounts"))]
    for line in order.objects("lines"):
        places += [(line, name) for name in ("unit_price_net", "unit_price_gross", "total_gross")]
    found = [{"field": "amount", **plain(amount)}]
    for fields, name in places:
        if (value := fields.data.get(name)) is not None:
            part = read_money(value, amount.currency, field=fields.at(name), payable=False)
            found.append({"field": fields.at(name), **plain(part)})
    for payment in tools.read_payments(_payments(case)):
        found.append({"field": f"payments {payment.id}", **plain(payment.kept)})
    return found


def reconcile_totals(case: Case) -> dict[str, Any]:
    """Whether lines, shipping and discounts come to the amount, within what rounding allows."""
    totals = tools.reconcile_totals(case.data)
    return {"ok": totals.ok, **plain(totals)}


def match_payments(case: Case) -> dict[str, Any]:
    """What the active payments come to against the amount: paid, authorised, unpaid, underpaid, overpaid, mismatch."""
    return {**plain(tools.match_payments(case.data, _payments(case))), "told": case.data.get("payments") is not None}


def check_instrument(case: Case) -> list[dict[str, Any]]:
    """Whether the card or IBAN of each active payment is sound; `valid` is null where nothing can be checked."""
    found = []
    for fields in _active(case):
        iban = fields.maybe_text("iban")
        open_to_check = {**fields.data, "iban": None if iban and iban.startswith(MASK) else iban}
        checked = tools.check_instrument(open_to_check, at=case.now)
        found.append({"payment": fields.text("id"), "method": fields.maybe_text("method"), **plain(checked)})
    return found


def read_authentication(case: Case) -> list[dict[str, Any]]:
    """How the payer of each active payment was proven: address, verification code, 3-D Secure, liability shift."""
    return [
        {
            "payment": fields.text("id"),
            "method": fields.maybe_text("method"),
            **plain(tools.read_authentication(fields.data)),
        }
        for fields in _active(case)
    ]


def find_duplicate(case: Case) -> dict[str, Any] | None:
    """A payment whose reference another order carries, or that was taken twice; null when there is none."""
    order = {**case.data, "payments": _payments(case)}
    found: dict[str, Any] | None = plain(tools.find_duplicate(order, list(_orders_with_its_references(case))))
    return found


def conclude_payment(case: Case) -> Conclusion:
    """Whether the order may go on: its payment's status, what is due, and what is wrong."""
    findings = _Findings.of(case)
    decided = _decided(findings, _payments(case))
    return Conclusion(
        outcome=findings.matched["status"],
        confidence=sum(decided.values()) / len(decided),
        output=_output(findings, decided),
        summary=_summary(findings),
        proposals=tuple(_proposals(findings)),
        escalations=tuple(_escalations(findings)),
        signals=_violations(case.get("mask_sensitive")["findings"]),
    )


@dataclass(frozen=True)
class _Findings:
    """What the tools found for one order."""

    order_id: str
    amount: Money
    totals: Mapping[str, Any]
    matched: Mapping[str, Any]
    instruments: list[dict[str, Any]]
    proofs: list[dict[str, Any]]
    duplicate: Mapping[str, Any] | None

    @classmethod
    def of(cls, case: Case) -> _Findings:
        case.get("money")
        return cls(
            Fields.of(case.data).text("order_id"),
            order_amount(case.data),
            case.get("reconcile_totals"),
            case.get("match_payments"),
            case.get("check_instrument"),
            case.get("read_authentication"),
            case.get("find_duplicate"),
        )

    @property
    def held(self) -> bool:
        reused = self.duplicate is not None and self.duplicate["kind"] == "reference_reused"
        return self.matched["status"] in HELD or not self.totals["ok"] or reused

    @property
    def charged_twice(self) -> bool:
        return self.duplicate is not None and self.duplicate["kind"] == "charged_twice"


def _payments(case: Case) -> list[Mapping[str, Any]]:
    return [fields.data for fields in Fields.of(case.data).objects("payments")]


def _active(case: Case) -> list[Fields]:
    return [fields for fields in Fields.of(case.data).objects("payments") if fields.flag("active")]


def _orders_with_its_references(case: Case) -> Iterator[dict[str, Any]]:
    """Other tasks' orders that carry a reference of this one's payments, as far as they can be read."""
    past = past_of(case)
    if past is None:
        return
    references = {fields.maybe_text("psp_reference") for fields in Fields.of(case.data).objects("payments")}
    for reference in sorted(filter(None, references)):
        seen = past.tasks_of("psp_reference", reference)
        for data in past.data_of([task.task_id for task in seen if task.task_id != case.task_id]):
            if isinstance(data.get("order_id"), str) and data["order_id"].strip():
                yield {"order_id": data["order_id"], "payments": [{"psp_reference": reference}]}


def _decided(findings: _Findings, payments: list[Mapping[str, Any]]) -> dict[str, bool]:
    """The checks that apply to this order, and whether the data decided each. An amount or a total that cannot be
    read never comes here: it is refused."""
    decided = {"money": True, "reconcile_totals": True, "match_payments": findings.matched["told"]}
    with_instrument = [one for one in findings.instruments if one["method"] in WITH_INSTRUMENT]
    cards = [one for one in findings.proofs if one["method"] == "card"]
    if with_instrument:
        decided["check_instrument"] = all(one["valid"] is not None for one in with_instrument)
    if cards:
        names = ("address", "cvv", "three_ds", "liability_shift")
        decided["read_authentication"] = all(any(one[name] is not None for name in names) for one in cards)
    if payments:
        references = [payment.get("psp_reference") for payment in payments]
        decided["find_duplicate"] = findings.duplicate is not None or any(references)
    return decided


def _output(findings: _Findings, decided: Mapping[str, bool]) -> dict[str, Any]:
    matched = findings.matched
    cards = [one for one in findings.proofs if one["method"] == "card"] or findings.proofs
    shifts = {one["liability_shift"] for one in cards}
    return {
        "status": matched["status"],
        "amount": f"{findings.amount.amount:f}",
        "paid": matched["paid"]["amount"],
        "authorised": matched["authorised"]["amount"],
        "amount_due": matched["due"]["amount"],
        "currency": findings.amount.currency,
        "totals_ok": findings.totals["ok"],
        "difference": findings.totals["difference"],
        "instrument": [
            {"payment": one["payment"], **problem} for one in findings.instruments for problem in one["problems"]
        ],
        "authentication": _first_known(cards) if cards else None,
        # The issuer bears a fraud only where it bears that of every card used.
        "liability_shift": False if False in shifts else (True if shifts == {True} else None),
        "duplicate": findings.duplicate,
        "undecided": [name for name, known in decided.items() if not known],
    }


def _first_known(proofs: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("address", "cvv", "three_ds")
    return {name: next((one[name] for one in proofs if one[name] is not None), None) for name in names}


def _summary(findings: _Findings) -> str:
    amount = str(findings.amount)
    due, paid = (f"{findings.matched[name]['amount']} {findings.matched[name]['currency']}" for name in ("due", "paid"))
    parts = [SAYS[findings.matched["status"]].format(amount=amount, due=due, paid=paid)]
    if not findings.totals["ok"]:
        parts.append(f"lines, shipping and discounts do not come to it (difference {findings.totals['difference']})")
    if findings.duplicate:
        wrong = {"charged_twice": "was charged twice", "reference_reused": "has this payment's reference too"}
        parts.append(f"{findings.duplicate['other']} {wrong[findings.duplicate['kind']]}")
    problems = [problem["rule"] for one in findings.instruments for problem in one["problems"]]
    return f"Order {findings.order_id}: {'; '.join([*parts, *problems])}."


def _proposals(findings: _Findings) -> Iterator[Proposal]:
    if findings.held:
        yield Proposal("hold_order", {"order_id": findings.order_id}, "its money or its totals are not right yet")
    if findings.charged_twice and findings.duplicate:
        detail = {"order_id": findings.order_id, "payment": findings.duplicate["other"], **findings.duplicate["excess"]}
        yield Proposal("refund_excess", detail, "one single payment is the whole amount: the rest was charged twice")


def _escalations(findings: _Findings) -> Iterator[Escalation]:
    odd = "unusual_behavior_pattern"
    totals, duplicate = findings.totals, findings.duplicate
    if not totals["ok"]:
        why = "lines, shipping and discounts do not come to the amount"
        wrong = [f"lines[{bad['line']}] {bad['check']}" for bad in totals["bad_lines"]]
        yield Escalation(odd, "difference", [totals["difference"], *wrong], totals["tolerance"], why)
    if duplicate and duplicate["kind"] == "reference_reused":
        yield Escalation(odd, "psp_reference", duplicate["other"], None, "another order carries the same payment")
    if findings.matched["status"] == "overpaid" and not findings.charged_twice:
        why = "more is paid than is due, and no single payment is the whole amount"
        yield Escalation(odd, "paid", findings.matched["paid"]["amount"], f"{findings.amount.amount:f}", why)
    for one in findings.instruments:
        for problem in one["problems"]:
            yield Escalation(odd, problem["field"], one["payment"], None, problem["rule"])


def _violations(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """What a task's data holds in the clear: nothing, unless it came past the front door, which masks it."""
    clear = [f"{one['kind']} in {one['path']}" for one in findings if one["kind"] in FORBIDDEN]
    return {"policy_violations": clear} if clear else {}
