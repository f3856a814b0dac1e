"""How the embedded engine's one file fails, and what it never does when it fails."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from events.topology import TOPICS, TOPOLOGY, QueueSpec, Topology
from shared.bus.embedded import Damaged, EmbeddedBus
from shared.bus.port import Depth, Message
from shared.errors import HouseError, Invalid, TryAgain

BODY = b"x" * 2000


@pytest.fixture
def file(tmp_path):
    return tmp_path / "home" / "bus.db"


@pytest.fixture
def bus(file):
    bus = EmbeddedBus(file, TOPOLOGY, busy_seconds=0.05)
    yield bus
    bus.close()


def batch(count, start=0):
    return [("auto_orders", Message(str(number), BODY)) for number in range(start, start + count)]


def test_nothing_is_opened_before_the_first_call(file, bus):
    assert not file.parent.exists()
    bus.send(batch(1))
    assert file.exists()


def test_the_file_is_its_owners_only(file, bus):
    bus.send(batch(1))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_being_made_leaves_nothing_beside_it(file, bus):
    bus.send(batch(1))
    bus.close()
    assert [path.name for path in file.parent.iterdir()] == ["bus.db"]


def test_a_commit_is_on_the_disk_before_send_returns(file, bus):
    """WAL with synchronous FULL (2): the log is flushed at every commit."""
    bus.send(batch(1))
    with bus._database.transaction() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_locked_file_is_try_again_and_then_works(file, bus):
    bus.send(batch(1))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for call in (lambda: bus.send(batch(1)), lambda: bus.lease("auto_orders", 1, 30), bus.next_wakeup):
        with pytest.raises(TryAgain, match=r"bus\.db: database is locked"):
            call()
    other.execute("COMMIT")
    other.close()
    assert bus.depth("auto_orders") == Depth(1, 0, 0, 0)


def test_threads_take_turns_and_give_up_after_the_busy_time(bus):
    bus.send(batch(1))
    refused = []

    def lease():
        try:
            bus.lease("auto_orders", 1, 30)
        except TryAgain as error:
            refused.append(error.detail)

    with bus._database.transaction():
        thread = threading.Thread(target=lease)
        thread.start()
        thread.join()
    assert refused == ["bus.db is busy"]


def test_threads_share_one_bus_without_losing_anything(file):
    bus = EmbeddedBus(file, TOPOLOGY, busy_seconds=30)

    def publish(start):
        for number in range(start, start + 50):
            bus.send(batch(1, number))

    threads = [threading.Thread(target=publish, args=(start,)) for start in (0, 50, 100, 150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    leased = [int(delivery.message.id) for delivery in bus.lease("auto_orders", 1000, 30)]
    bus.close()
    assert sorted(leased) == list(range(200))


def test_a_full_file_is_try_again_with_nothing_half_done(bus):
    """SQLite's own limit on pages stands for the disk: the same SQLITE_FULL."""
    bus.send(batch(10))
    with bus._database.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(TryAgain, match=r"bus\.db: database or disk is full"):
        bus.send(batch(100, 10), [("domain.orders", Message("f", BODY))])
    assert bus.depth("auto_orders") == Depth(10, 0, 0, 0)
    assert bus.read(["domain.orders"], "g", 10, 30) == []
    bus.ack(bus.lease("auto_orders", 10, 30))
    bus.send(batch(5, 10))
    assert bus.depth("auto_orders") == Depth(5, 0, 0, 0)


def test_a_full_disk_is_try_again_with_nothing_half_done_and_heals_when_room_is_made(tmp_path):
    """A real tmpfs of 1 MB in a mount namespace of its own; skipped where the machine forbids those."""
    disk = tmp_path / "disk"
    disk.mkdir()
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && exec "$@"']
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([*inside, str(disk), "true"], capture_output=True).returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    worker = [sys.executable, str(Path(__file__).with_name("worker.py")), "embedded", str(disk / "bus.db")]
    done = subprocess.run(
        [*inside, str(disk), *worker, "fill", str(disk)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": "."},
    )
    found = json.loads(done.stdout)
    assert "full" in found["error"]
    assert found["sent"] > 0
    assert found["kept"] == 10 * found["sent"]
    assert found["after"] == found["kept"] + 1


@pytest.mark.parametrize("content", [b"this is no database, but somebody's letter\n" * 100, b""])
def test_a_file_that_is_no_bus_file_is_said_so_by_name_each_time(file, bus, content):
    file.parent.mkdir()
    file.write_bytes(content)
    for _ in range(2):
        with pytest.raises(Damaged, match=r"^bus\.db"):
            bus.send(batch(1))
    assert file.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(file, bus):
    file.parent.mkdir()
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE message (a)")
    other.close()
    with pytest.raises(Damaged, match="not a bus file of version 1"):
        bus.send(batch(1))


def test_a_corrupt_page_is_a_clear_error(file, bus):
    bus.send(batch(50))
    bus.close()
    pages = bytearray(file.read_bytes())
    pages[4096:] = b"\xa5" * (len(pages) - 4096)  # all but the header
    file.write_bytes(pages)
    with pytest.raises(Damaged, match=r"bus\.db: database disk image is malformed") as caught:
        bus.lease("auto_orders", 1, 30)
    assert isinstance(caught.value, HouseError)
    assert not isinstance(caught.value, TryAgain)


def test_a_folder_that_cannot_be_made_is_try_again(tmp_path):
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(TryAgain, match=r"bus\.db cannot be made"):
        EmbeddedBus(tmp_path / "home" / "bus.db", TOPOLOGY).send(batch(1))


def test_a_refused_call_leaves_the_connection_usable(bus):
    with pytest.raises(Invalid):
        bus.send([("auto_nothing", Message("a", b""))])
    bus.send(batch(1))
    assert bus.depth("auto_orders").ready == 1


def test_the_backoff_of_a_queue_is_that_of_its_spec(file):
    now = 1_000_000.0
    queue = QueueSpec("q", 5, 600, retry_base=2.0, retry_max=5.0)
    bus = EmbeddedBus(file, Topology({"q": queue}, {}), clock=lambda: now, jitter=lambda: 0.5)
    bus.send([("q", Message("a", b""))])
    waits = []
    for _ in range(3):
        (delivery,) = bus.lease("q", 1, 30)
        bus.retry(delivery, "busy")
        waits.append(bus.next_wakeup() - now)
        now += waits[-1]
    bus.close()
    assert waits == [1.0, 2.0, 2.5]  # half of 2, of 4, of the maximum 5


def test_what_died_in_a_queue_that_is_no_more_can_be_seen_and_discarded_but_not_replayed(file, bus):
    bus.send(batch(1))
    bus.bury(bus.lease("auto_orders", 1, 30)[0], "no")
    after = EmbeddedBus(file, Topology({}, TOPICS))
    (letter,) = after.dead_letters("auto_orders").items
    with pytest.raises(Invalid, match="'auto_orders' is not in the topology any more"):
        after.replay(letter.id)
    assert after.discard(letter.id).message.id == "0"
    after.close()
