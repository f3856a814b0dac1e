"""The counting at the end of a flow: from the stores, not from memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.envelope import decode
from scripts.trial.count import count as reckoned
from scripts.trial.reckoning import DEAD_WORK, Promised
from shared.objects import open_objects
from shared.objects.claim import fetch_data
from shared.settings import CONTEXTS
from tests.flows.platform import Platform


def count(platform: Platform, accepted: Iterable[str] = ()) -> None:
    """Wait until nothing is on its way, then check that nothing was lost and nothing doubled, and that no task's work
    died. `accepted` are the ids of tasks that were promised to a caller."""
    found = reckoned(platform.variables(), Promised(tasks=list(accepted)), 90)
    assert found.exact, (found.faults[:5], found.under_way)
    assert found.figures[DEAD_WORK] == 0, found.reasons


def facts(platform: Platform) -> list[tuple[str, str, str, Any]]:
    """Every fact that was committed: (tenant, source, id, event)."""
    found = []
    stored = open_objects(f"file://{platform.home / 'objects'}")
    for context in CONTEXTS:
        for (body,) in platform.rows(context, "SELECT body FROM outbox WHERE to_queue = 0"):
            envelope = decode(fetch_data(body, stored))
            found.append((envelope.tenant, envelope.source, envelope.id, envelope.event))
    return found
