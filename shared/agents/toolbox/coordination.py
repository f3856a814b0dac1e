"""The tools of hitl_coordinator.

`case.data` is {request, pending, reviewers, currency, fx_rates}: one waiting request, all that wait (the request may be
among them), the tenant's reviewers as its settings have them, its currency and its rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from shared.agents.case import PLAYBOOK, Case, Conclusion, Proposal, Tool
from shared.agents.merge import facts_in, facts_of
from shared.coordination.desk import Desk, asked_before
from shared.coordination.task_keys import CUSTOMER_KINDS, keys_of
from shared.coordination.waiting import desk_of
from shared.errors import Invalid
from shared.escalation.context import CONTEXT_FIELDS, ORDER_CONTEXT_FIELDS
from shared.tools import track_record as records
from shared.tools.brief import FEWEST_VALUES, Brief, Deviation, deviation, write_brief
from shared.tools.money import Money
from shared.tools.review_request import ReviewRequest
from shared.tools.sensitive import mask_sensitive

#: A request that has waited this share of its time is worth a reminder (policy).
REMIND_AFTER = 0.5


def _request(case: Case) -> ReviewRequest:
    return ReviewRequest.read(case.data.get("request"))


class _Held:
    """Keeps the desk beside what the tools found. Not a value: a text must not be supported by other requests."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk


def _desk(case: Case) -> Desk:
    """All that waits, the request itself as the case has it; read once."""
    if "desk" not in case.found:
        own = case.data["request"]
        others = [each for each in case.data.get("pending", ()) if each["id"] != own["id"]]
        held = desk_of({**case.data, "pending": [*others, own]}, case.settings, case.history)
        case.found["desk"] = _Held(held)
    desk: Desk = case.found["desk"].desk
    return desk


def gather_context(case: Case) -> dict[str, Any]:
    """{facts [{key, value, source, at}], missing, needed, context}: from the task, else from the tenant's tasks."""
    request = _request(case)
    found = case.history.context_of(request.task_type, request.task_data, request.task_id)
    context: Any = mask_sensitive(found).clean
    at = {"data": request.created_at.isoformat(), "lookup": case.now.isoformat()}
    needed = ORDER_CONTEXT_FIELDS if request.task_type == "order" else CONTEXT_FIELDS
    return {
        "facts": [
            {"key": key, "value": context[key], "source": source, "at": at[source]}
            for key, source in context["sources"].items()
        ],
        "missing": context["missing"],
        "needed": list(needed),
        "context": context,
    }


def track_record(case: Case) -> records.TrackRecord:
    """How often people kept what this role said of such requests at such a confidence."""
    request = _request(case)
    decisions = case.history.decisions(request.role, request.task_type)
    return records.track_record(request.role, request.task_type, request.triggers, request.confidence, decisions)


def brief(case: Case) -> Brief:
    """The six sections; every number in them is a fact."""
    request, gathered = _request(case), case.get("gather_context")
    return write_brief(
        request,
        [*gathered["facts"], *_found_by_roles(request)],
        gathered["missing"],
        case.get("track_record"),
        _deviations(case, request),
        _desk(case).cost_of(request).loss,
    )


def _found_by_roles(request: ReviewRequest) -> Iterator[Mapping[str, Any]]:
    """What the task's roles found, as facts. A playbook's summary is its tools' own words; a model's is not."""
    for result in request.results:
        yield from facts_of({str(result.get("role")): result.get("output")})
        if result.get("engine") == PLAYBOOK:
            yield from facts_in(str(result.get("summary") or ""))


def _deviations(case: Case, request: ReviewRequest) -> list[Deviation]:
    """The amount beside the customer's earlier ones, with fewer than ten beside the tenant's."""
    try:
        amount = request.amount
    except Invalid:
        return []  # section 4 shows it as it was given
    if amount is None:
        return []
    keys = [(kind, value) for kind, value in keys_of(request.task_data) if kind in CUSTOMER_KINDS]
    seen = case.history.tasks_with(keys, but=request.task_id)
    own = [(each.amount, each.currency) for each in seen if each.task_type == request.task_type and each.amount]
    if sum(currency == amount.currency for _, currency in own) >= FEWEST_VALUES or request.task_type != "order":
        return [deviation("amount", amount, _money(own), "this customer")]
    return [deviation("amount", amount, _money(case.history.newest_orders(but=request.task_id)), "all customers")]


def _money(pairs: list[tuple[str, str]]) -> list[Money]:
    return [Money(Decimal(amount), currency) for amount, currency in pairs]


def delay_loss(case: Case) -> dict[str, Any]:
    """{stake, hazard, per_hour, currency, note}: what waiting costs, null where it cannot be told."""
    desk = _desk(case)
    cost = desk.cost_of(_request(case))
    loss = cost.loss
    return {
        "stake": None if loss is None else f"{loss.stake.rounded().amount:f}",
        "hazard": None if loss is None else loss.hazard,
        "per_hour": None if loss is None else f"{loss.per_hour.rounded().amount:f}",
        "currency": desk.currency,
        "note": cost.note,
    }


def review_minutes(case: Case) -> dict[str, Any]:
    """{usual, by_reviewer}: minutes that this review will take."""
    desk, request = _desk(case), _request(case)
    reviewers = {one.user_id: round(desk.minutes_of(request.task_type, one.user_id), 2) for one in desk.reviewers}
    return {"usual": round(desk.minutes_of(request.task_type), 2), "by_reviewer": reviewers}


def order_queue(case: Case) -> dict[str, Any]:
    """{rank, of, expected_loss, first}: the request's place among all that wait."""
    desk, request = _desk(case), _request(case)
    return {
        "rank": desk.queue[request.id].rank,
        "of": len(desk.queue),
        "expected_loss": desk.expected_loss(request.id),
        "currency": desk.currency,
        "first": next(iter(desk.queue)),
    }


def group_alike(case: Case) -> dict[str, Any] | None:
    """{key, ids, common, differs}: the group that the request is in, null for none."""
    group = _desk(case).groups.get(_request(case).id)
    return None if group is None else asdict(group)


def suggest_reviewer(case: Case) -> dict[str, Any]:
    """{user_id, asked, why, wait_minutes, problems}: who should decide; `user_id` is null for the tenant's admins."""
    desk = _desk(case)
    found = desk.suggestion_for(_request(case))
    wait = None if found.wait_minutes is None else round(found.wait_minutes, 1)
    return {
        "user_id": found.user_id,
        "asked": found.asked,
        "why": found.why,
        "wait_minutes": wait,
        "problems": list(desk.problems),
    }


def capacity(case: Case) -> dict[str, Any]:
    """{p_wait, wait_hours, unstable, reviewers, will_expire, warning}: whether the reviewers keep up."""
    found = _desk(case).staffing
    return {
        **asdict(found.capacity),
        "reviewers": found.reviewers,
        "will_expire": list(found.will_expire),
        "warning": found.warning,
    }


def conclude_coordination(case: Case) -> Conclusion:
    """The notes for the request. Confidence: facts found of those needed x the brief's supported claims."""
    gathered, text = case.get("gather_context"), case.get("brief")
    cost, place, group = case.get("delay_loss"), case.get("order_queue"), case.get("group_alike")
    asked, staffing = case.get("suggest_reviewer"), case.get("capacity")
    found = len(gathered["facts"]) / len(gathered["needed"])
    output = {
        "context": gathered["context"],
        "missing": gathered["missing"],
        "brief": [asdict(section) for section in text.sections],
        "unsupported": list(text.unsupported),
        "track_record": asdict(case.get("track_record")),
        "rank": place["rank"],
        "stake": cost["stake"],
        "per_hour": cost["per_hour"],
        "currency": cost["currency"],
        "expected_loss": place["expected_loss"],
        "loss_note": cost["note"],
        "group": group["key"] if group else None,
        "group_of": group,
        "suggested_reviewer": asked,
        "wait_minutes": asked["wait_minutes"],
        "capacity_warning": staffing["warning"],
    }
    return Conclusion(
        outcome="prepared",
        confidence=found * text.supported_share,
        output=output,
        summary=f"Place {place['rank']} of {place['of']}; to be asked: {asked['asked']}.",
        proposals=tuple(_proposals(case, asked)),
    )


def _proposals(case: Case, asked: Mapping[str, Any]) -> list[Proposal]:
    request = _request(case)
    proposals = []
    waited, given = case.now - request.created_at, request.expires_at - request.created_at
    if waited > given * REMIND_AFTER:
        detail = {"request_id": request.id, "to": asked["asked"]}
        proposals.append(Proposal("remind", detail, "more than half of its time is over"))
    before = asked_before(request)
    if before is not None and before != asked["user_id"]:
        detail = {"request_id": request.id, "from": before, "to": asked["asked"]}
        proposals.append(Proposal("suggest_reassign", detail, asked["why"]))
    return proposals


TOOLS: tuple[Tool, ...] = (
    Tool("gather_context", "Facts about the customer and the order, and which are missing", gather_context),
    Tool("track_record", "How often people kept what the role recommended in such cases", track_record),
    Tool("brief", "The six sections that the reviewer reads, checked against the facts", brief),
    Tool("delay_loss", "What is at stake and what each hour of waiting is expected to cost", delay_loss),
    Tool("review_minutes", "How many minutes the review will take, by reviewer", review_minutes),
    Tool("order_queue", "The request's place among all that wait, by what waiting costs", order_queue),
    Tool("group_alike", "Waiting requests that are alike and should be shown together", group_alike),
    Tool("suggest_reviewer", "Who may decide, knows the matter and is free soonest", suggest_reviewer),
    Tool("capacity", "Whether the reviewers keep up with what comes in, and what will expire", capacity),
    Tool("conclude_coordination", "The notes for the waiting request", conclude_coordination),
)
