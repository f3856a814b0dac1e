"""Judges a task: must a human decide, by which rules, how soon, with what at stake.

1. Read the fields that the rules of the type need; bad values are refused before anything is judged.
2. Compute the signals that an order or a ticket lacks.
3. Judge each rule, in the order of the table.
A task that a role has worked on is judged again with its findings: what was undecided may be decided then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shared.errors import Invalid, Problem
from shared.escalation.amounts import Amount
from shared.escalation.fields import Known, fields_of, read_fields
from shared.escalation.policy import Policy
from shared.escalation.rules import RULES, Reason, Rule, Undecided, judge
from shared.escalation.signals import Past, compute_missing
from shared.escalation.verdict import Impact, Verdict, urgency

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plan:
    """What judging one task type takes: its rules, and the fields to read."""

    rules: tuple[Rule, ...]
    fields: tuple[str, ...]


def _plan(task_type: str) -> Plan:
    rules = tuple(rule for rule in RULES if rule.task_type in (task_type, ""))
    return Plan(rules, fields_of(rules))


PLANS = {rule.task_type: _plan(rule.task_type) for rule in RULES}
OTHER = PLANS[""]


def classify(
    task_type: str,
    data: Mapping[str, Any],
    policy: Policy,
    history: Past | None = None,
    *,
    found: Mapping[str, Any] = NOTHING,
) -> Verdict:
    """The verdict on a task of any type by its `data`, and by what roles `found` when they have worked.

    `found` holds fields of the same names, which count more than those of `data`. A type that no rule names is
    judged by the rules for all. Raises Invalid naming every bad field (`data.amount`, `found.fraud_score`).
    """
    plan = PLANS.get(task_type, OTHER)
    problems: list[Problem] = []
    known = read_fields(plan.fields, data, found, policy, problems)
    if problems:
        raise Invalid.together(problems)
    fields = {**data, **{name: value for name, value in found.items() if value is not None}} if found else data
    missing = compute_missing(task_type, known, fields, history)
    reasons, undecided = _judge_all(plan.rules, known, policy, missing.why)
    triggers = tuple(dict.fromkeys([reason.trigger for reason in reasons]))
    return Verdict(
        escalated=bool(triggers),
        triggers=triggers,
        reasons=tuple(reasons),
        urgency=urgency(triggers, policy.vip_urgency if known.get("vip_customer") else "low"),
        impact=_impact(known),
        computed=missing.computed,
        undecided=tuple(undecided),
        policy_version=policy.version,
        notes=_notes(known, data, found, policy),
    )


def check(task_type: str, data: Mapping[str, Any], policy: Policy) -> None:
    """Raises the Invalid that `classify` would raise of this data; computes nothing."""
    problems: list[Problem] = []
    read_fields(PLANS.get(task_type, OTHER).fields, data, NOTHING, policy, problems)
    if problems:
        raise Invalid.together(problems)


def _judge_all(
    rules: tuple[Rule, ...], known: Known, policy: Policy, why: Mapping[str, str]
) -> tuple[list[Reason], list[Undecided]]:
    reasons: list[Reason] = []
    undecided: list[Undecided] = []
    for rule in rules:
        said = judge(rule, known, policy)
        if isinstance(said, Reason):
            reasons.append(said)
        elif said is not None:
            undecided.append(said if said.why else Undecided(said.rule, said.field, why.get(said.field, "not given")))
        elif rule.field in why:
            undecided.append(Undecided(rule.name, rule.field, why[rule.field]))
    return reasons, undecided


def _impact(known: Known) -> Impact:
    """What is at stake; where a task names no amount, the cost impact is the money in question."""
    amount: Amount | None = known.get("amount") or known.get("cost_impact")
    return Impact(
        financial=amount.given if amount else None,
        customer_satisfaction="high" if known.get("vip_customer") else "normal",
        brand_reputation="high" if known.get("is_brand_critical") else "normal",
    )


def _notes(known: Known, data: Mapping[str, Any], found: Mapping[str, Any], policy: Policy) -> tuple[str, ...]:
    amounts = [known[name] for name in ("amount", "cost_impact") if name in known]
    notes = [amount.why for amount in amounts if amount.why]
    if amounts and data.get("currency") is None and found.get("currency") is None:
        notes.append(f"no currency is given: amounts are read as {policy.currency}")
    return tuple(notes)
