"""Databases that cannot take a change: locked for too long, or without room. 503, nothing half-done, and it goes on."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import Platform, at_once
from tests.flows.samples import order, saleor_body

pytestmark = pytest.mark.flow
TABLES = ("tasks", "task_keys", "inbox", "outbox", "answers", "approvals", "messages")


def kept(one: Platform) -> dict[str, int]:
    """How many rows each table has."""
    return {table: one.rows("orchestration", f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def submit(one: Platform, key: str) -> httpx.Response:
    return one.call("POST", "/tasks", json={"type": "order", "data": order()}, headers={"idempotency-key": key})


def webhook(one: Platform, body: Any) -> httpx.Response:
    return one.call("POST", "/events", json=body, headers={"saleor-event": "order_created"})


def is_try_again(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "nothing was changed" in answer.json()["detail"]


def test_a_locked_database_is_503_and_nothing_half_done(platform: MakePlatform) -> None:
    """Longer than anybody waits for a lock: who writes is told to come again, who reads is answered, and afterwards
    the same request is done."""
    one = platform().start()
    first = submit(one, "before").json()["id"]
    one.task(first, "completed")
    one.quiet()
    body = saleor_body()
    with one.locked("orchestration"):
        before = kept(one)
        ask = (lambda: submit(one, "locked"), lambda: webhook(one, body))
        for answer in at_once(2, lambda number: ask[number]()):
            is_try_again(answer)
        assert one.get(f"/tasks/{first}")["status"] == "completed"
        assert kept(one) == before
    second = submit(one, "locked")
    assert second.status_code == 202
    assert "idempotency-replayed" not in second.headers
    assert webhook(one, body).status_code == 202
    one.task(second.json()["id"], "completed")
    count(one, [first, second.json()["id"]])
    assert kept(one)["tasks"] == 3


def test_the_bus_is_locked_for_longer_than_anybody_waits(platform: MakePlatform) -> None:
    """Callers are answered all the same: what they asked for is committed, and sent when the bus is there again."""
    one = platform().start()
    one.token()
    with one.locked("bus"):
        answers = at_once(4, lambda number: submit(one, f"key {number}"))
        assert [answer.status_code for answer in answers] == [202] * 4
    ids = [answer.json()["id"] for answer in answers]
    for task in ids:
        one.task(task, "completed")
    count(one, ids)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB of its own; skipped where nothing may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(filler: Path) -> None:
    """Write until there is no room."""
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_the_disk_is_full_and_then_is_not(platform: MakePlatform, small_disk: Path) -> None:
    """While there is no room: 503 for who writes, answers for who reads, nothing half-done, nothing damaged. When
    there is room again, without a restart, it goes on."""
    one = platform(small_disk / "home").start()
    first = submit(one, "before").json()["id"]
    one.task(first, "completed")
    one.quiet()
    filler = small_disk / "filler"
    accepted, number = [first], 0
    while True:  # what the write-ahead logs have taken of the disk already can still be written to; then it is over
        fill(filler)
        answer = submit(one, f"full {number}")
        if answer.status_code != 202:
            break
        accepted.append(answer.json()["id"])
        number += 1
    is_try_again(answer)
    is_try_again(submit(one, f"full {number}"))
    assert kept(one)["tasks"] == kept(one)["answers"] == len(accepted)
    assert one.get(f"/tasks/{first}")["status"] == "completed"
    filler.unlink()
    last = submit(one, f"full {number}")
    assert last.status_code == 202
    accepted.append(last.json()["id"])
    for task in accepted:
        one.task(task, "completed", "awaiting_approval")
    count(one, accepted)
    assert one.rows("orchestration", "PRAGMA integrity_check") == [("ok",)]
    assert one.rows("bus", "PRAGMA integrity_check") == [("ok",)]


def test_a_database_without_room_is_503_and_nothing_half_done(platform: MakePlatform) -> None:
    """The same by SQLite's own limit, which holds where nothing can be mounted: tasks are accepted until no page is
    left, each refused one leaves nothing, and with more room all that were accepted are done."""
    one = platform(BIZOSAAS_SQLITE_MAX_PAGES="75")
    one.start()
    accepted = []
    for number in range(200):
        answer = submit(one, f"key {number}")
        if answer.status_code != 202:
            is_try_again(answer)
            break
        accepted.append(answer.json()["id"])
    else:
        pytest.fail("75 pages were enough for 200 orders")
    assert kept(one)["tasks"] == kept(one)["answers"] == len(accepted) > 0
    one.stop()
    one.environment.clear()
    one.start()
    assert submit(one, f"key {number}").status_code == 202
    for task in accepted:
        one.task(task, "completed", "awaiting_approval")
    count(one, accepted)
