"""An event starts its tasks as soon as their roles' files are there; until then it starts nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from events.envelope import Envelope, decode
from events.orchestration import TaskSubmitted
from events.work import ApprovalWork, RoleWork
from shared.agents import roles as files
from shared.contract import Caller
from shared.runtime.load import find
from shared.runtime.process import Outcome, process
from shared.store.database import Unit
from shared.store.orchestration import inbox, outbox, tasks
from tests.functions.gateway.samples import TOLD, WELCOME

pytestmark = pytest.mark.usefixtures("home")
PLATFORM = Caller("service:bridge", "", "AGENT")


def react(name: str, attempt: int = 1, source: str = "/backend", **changes: Any) -> Outcome:
    """`tasks-react` reads an event of a tenant."""
    event = WELCOME[name].model_validate(TOLD[name] | changes)
    time = datetime(2026, 11, 23, 9, tzinfo=UTC)
    item = Envelope(f"{name}-1", source, event, time, extensions={"tenantid": "demo", "actorid": "backend"})
    (outcome,) = process(find("tasks-react"), [item], PLATFORM, attempt)
    return outcome


def rows(*columns: Any) -> list[Any]:
    unit = Unit("orchestration")
    try:
        return [tuple(row) for row in unit.read().execute(select(*columns).order_by(columns[0]))]
    finally:
        unit.close()


def said() -> list[Any]:
    return [decode(body).event for _, body in rows(outbox.c.seq, outbox.c.body)]


@pytest.fixture
def newcomers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`newcomers(name, type, queue)` puts a role's file among the others: nothing else is changed."""
    folder = tmp_path / "roles"
    shutil.copytree(files._folder(), folder)
    monkeypatch.setattr(files, "_folder", lambda: folder)
    text = (folder / "orders" / "payment_validator.yaml").read_text().replace("starts: [order]", "")

    def arrives(name: str, task_type: str, queue: str) -> None:
        own = text.replace("task_types: [order]", f"task_types: [{task_type}]").replace("auto_orders", queue)
        (folder / "orders" / f"{name}.yaml").write_text(own)
        files.roles.cache_clear()
        files.first_role.cache_clear()

    yield arrives
    files.roles.cache_clear()
    files.first_role.cache_clear()


@pytest.mark.parametrize("name", sorted(WELCOME.keys() - {"OrderPlaced", "PaymentProcessed"}))
def test_an_event_whose_role_is_yet_to_come_starts_nothing(name: str) -> None:
    """It is done at once, leaves no trace here (the record has it), and waits for nobody."""
    assert react(name).status == 204
    assert not rows(tasks.c.id)
    assert not rows(inbox.c.id)


def test_a_roles_file_is_all_that_an_event_waits_for(newcomers: Any) -> None:
    """The task is of the row's type, for the row's role, on its queue, in the role's words, once."""
    newcomers("lead_scorer", "lead", "auto_marketing")
    for _ in range(2):
        assert react("LeadCreated").status == 204
    ((_, role, queue, status, data, by, cause),) = rows(
        *(tasks.c[name] for name in ("id", "role", "queue", "status", "data", "created_by", "cause"))
    )
    assert (role, queue, status, by, cause) == (
        *("lead_scorer", "auto_marketing", "queued", "backend"),
        "/backend#LeadCreated-1",
    )
    assert data["source"] == "fair"
    (work,) = [event for event in said() if isinstance(event, RoleWork)]
    assert (work.role, work.queue) == ("lead_scorer", "auto_marketing")


def test_an_event_starts_each_of_its_tasks_whose_role_is_there(newcomers: Any) -> None:
    """BusinessListed: located and classed at once, each a task of its own; the third role is yet to come."""
    newcomers("location_validator", "listing", "auto_seo")
    newcomers("category_matcher", "listing", "auto_seo")
    assert react("BusinessListed").status == 204
    started = rows(tasks.c.id, tasks.c.role)
    assert {role for _, role in started} == {"location_validator", "category_matcher"}
    assert len({task_id for task_id, _ in started}) == 2


def test_the_tasks_data_is_judged_like_any_others(newcomers: Any) -> None:
    """A broken rule stops it at a human before the role works; so does a card number that the door masked."""
    newcomers("lead_scorer", "lead", "auto_marketing")
    for changes in ({"attributes": {"potential_policy_violation": True}}, {"masked": ["card in attributes.note"]}):
        assert react("LeadCreated", source=f"/{len(changes)}{changes}"[:50], **changes).status == 204
    submitted = [event for event in said() if isinstance(event, TaskSubmitted)]
    assert [event.triggers for event in submitted] == [("potential_policy_violation",)] * 2
    assert sum(isinstance(event, ApprovalWork) for event in said()) == 2
    assert not [event for event in said() if isinstance(event, RoleWork)]


def test_what_a_role_tells_does_not_start_the_role_itself(newcomers: Any) -> None:
    """RiskAlert of risk_manager: the rebalancer works, risk_manager does not review its own alarm."""
    newcomers("risk_manager", "trading", "auto_analytics")
    newcomers("portfolio_rebalancer", "trading", "auto_analytics")
    assert react("RiskAlert", source="/bizosaas/agent-risk-manager").status == 204
    assert [role for _, role in rows(tasks.c.id, tasks.c.role)] == ["portfolio_rebalancer"]


def test_a_payment_that_came_too_early_comes_again_and_rests_in_the_end() -> None:
    assert react("PaymentProcessed").status == 503
    assert react("PaymentProcessed", attempt=5).status == 409
    assert not rows(tasks.c.id)
