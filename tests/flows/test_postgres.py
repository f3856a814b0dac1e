"""The whole platform with its state in PostgreSQL, also while the server crashes and comes back."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import order
from tests.server import Server

pytestmark = pytest.mark.flow
ENDS = {"completed", "rejected", "failed", "awaiting_approval"}
TASKS = 60


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # the server's user looks for its own folder inside
        server = Server(Path(folder) / "server", connections=150)
        yield server
        server.stop()


def rows(server: Server, database: str, query: str) -> list[tuple[Any, ...]]:
    address = f"{server.url.rpartition('/')[0]}/{database}".replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def submitted(one: Platform, number: int) -> str:
    """An order, asked for with one key until it is taken."""
    body = {"type": "order", "data": order(order_id=f"order-{number}")}

    def ask() -> str | None:
        answer = one.call("POST", "/tasks", json=body, headers={"idempotency-key": f"key-{number}"})
        assert answer.status_code in (202, 503), answer.text
        return str(answer.json()["id"]) if answer.status_code == 202 else None

    return wait_for(ask, f"order {number} to be taken")


@pytest.mark.timeout(300)
def test_a_crash_of_the_server_in_full_flow_loses_nothing_and_does_nothing_twice(
    platform: MakePlatform, server: Server
) -> None:
    one = platform(**server.urls()).start()
    one.token()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(submitted, one, number) for number in range(TASKS)]
        wait_for(lambda: sum(each.done() for each in asked) > TASKS // 3, "a third of the orders")
        server.stop()
        server.start()
        ids = [each.result() for each in asked]
    assert len(set(ids)) == TASKS

    def at_rest() -> bool:
        states = Counter(dict(rows(server, "orchestration", "SELECT id, status FROM tasks")).values())
        return sum(states[status] for status in ENDS) == TASKS

    wait_for(at_rest, "all tasks to be where they must be", seconds=150)
    unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
    wait_for(lambda: rows(server, "orchestration", unsent) == [(0,)], "all events to be sent", seconds=60)
    facts = rows(server, "orchestration", "SELECT id FROM outbox WHERE NOT to_queue")
    kept = "SELECT event_id FROM record"
    wait_for(lambda: set(facts) <= set(rows(server, "audit", kept)), "all facts to be on record", seconds=60)
    steps = rows(
        server, "orchestration",
        "SELECT subject, type, count(*) FROM outbox WHERE type LIKE '%TaskSubmitted%' GROUP BY 1, 2",
    )  # fmt: skip
    assert [count for _, _, count in steps] == [1] * TASKS
    one.stop()
    done = rows(server, "audit", "SELECT tenant, count(*), max(position) FROM record GROUP BY tenant")
    assert all(count == last for _, count, last in done)
    assert "not-shown" not in "".join(map(str, one.lines)) + "".join(one.errors)
