"""The doorbell wakes a consumer, and never hurts a publisher."""

from __future__ import annotations

import asyncio
import select
import socket

import pytest

from events.topology import TOPOLOGY
from shared.bus.doorbell import Doorbell, bell_path, poke
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Message


@pytest.fixture
def file(tmp_path):
    return tmp_path / "bus.db"


@pytest.fixture
def bus(file):
    bus = EmbeddedBus(file, TOPOLOGY)
    yield bus
    bus.close()


def rings(bell, seconds=0.0):
    waiting = select.poll()  # takes descriptors over 1024, which a long run of tests may have
    waiting.register(bell, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def test_sending_work_rings(file, bus):
    with Doorbell(file) as bell:
        bus.send([("auto_orders", Message("a", b""))])
        assert rings(bell)


def test_sending_a_fact_rings(file, bus):
    with Doorbell(file) as bell:
        bus.send([], [("domain.orders", Message("a", b""))])
        assert rings(bell)


def test_a_replay_rings(file, bus):
    bus.send([("auto_orders", Message("a", b""))])
    bus.bury(bus.lease("auto_orders", 1, 30)[0], "no")
    with Doorbell(file) as bell:
        bus.replay(bus.dead_letters("auto_orders").items[0].id)
        assert rings(bell)


def test_a_refused_send_does_not_ring(file, bus):
    with Doorbell(file) as bell:
        with pytest.raises(Exception, match="auto_nothing"):
            bus.send([("auto_nothing", Message("a", b""))])
        assert not rings(bell)


def test_what_rang_is_visible_to_whoever_is_woken(file, bus):
    """The bell rings after the commit, so a woken consumer finds the message."""

    async def woken() -> list[str]:
        rang = asyncio.Event()
        with Doorbell(file) as bell:
            loop = asyncio.get_running_loop()
            loop.add_reader(bell, rang.set)
            loop.run_in_executor(None, bus.send, [("auto_orders", Message("a", b""))])
            await asyncio.wait_for(rang.wait(), 10)
            loop.remove_reader(bell)
            return [delivery.message.id for delivery in bus.lease("auto_orders", 1, 30)]

    assert asyncio.run(woken()) == ["a"]


def test_silence_takes_all_pokes_out(file):
    with Doorbell(file) as bell:
        assert not bell.silence()
        poke(bell.path)
        poke(bell.path)
        assert bell.silence()
        assert not rings(bell)


def test_nobody_listening_is_no_error(file, bus):
    bus.send([("auto_orders", Message("a", b""))])
    Doorbell(file).close()
    bus.send([("auto_orders", Message("b", b""))])
    assert bus.depth("auto_orders").ready == 2


def test_a_listener_that_died_is_no_error_and_the_next_takes_over(file):
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(bell_path(file)))
    dead.close()  # its path stays, as after kill -9
    poke(bell_path(file))
    with Doorbell(file) as bell:
        poke(bell.path)
        assert rings(bell)


def test_a_full_bell_neither_blocks_nor_fails(file):
    with Doorbell(file) as bell:
        for _ in range(5000):
            poke(bell.path)
        assert bell.silence()


def test_a_listener_that_was_taken_over_leaves_the_new_ones_path(file):
    old = Doorbell(file)
    with Doorbell(file) as new:
        old.close()
        poke(new.path)
        assert rings(new)
    assert not new.path.exists()


def test_the_bell_is_its_owners_only(file):
    with Doorbell(file) as bell:
        assert bell.path.stat().st_mode & 0o777 == 0o600


def test_a_path_too_long_for_a_socket_still_has_a_bell(tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    bus = EmbeddedBus(folder / "bus.db", TOPOLOGY)
    with Doorbell(folder / "bus.db") as bell:
        bus.send([("auto_orders", Message("a", b""))])
        assert rings(bell)
    bus.close()


def test_two_files_have_two_bells(tmp_path):
    assert bell_path(tmp_path / "a.db") != bell_path(tmp_path / "b.db")
    long = tmp_path / ("long" * 30)
    assert bell_path(long / "a.db") != bell_path(long / "b.db")
