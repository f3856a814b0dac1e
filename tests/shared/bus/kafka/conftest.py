"""A Kafka namespace of the test's own, and readers in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.bus.kafka import KafkaAddress, KafkaFacts
from shared.bus.port import Record
from tests.shared.bus.engines.kafka import new_namespace, remove_namespace
from tests.shared.bus.world import ROOT, topology

PATIENCE = 60.0


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.01)


def url_of(address: KafkaAddress) -> str:
    return f"kafka://{','.join(address.servers)}/{address.namespace}"


class Reader:
    """A running `reader.py`; `said` grows while it works."""

    def __init__(self, address: KafkaAddress, group: str, seconds: float) -> None:
        script = str(Path(__file__).with_name("reader.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, url_of(address), group, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": "."},
        )
        self.said: list[list[str]] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.split())

    def ids(self, word: str) -> list[str]:
        """The ids of the facts of which it said so, in order."""
        return [words[1] for words in list(self.said) if words[0] == word and len(words) > 1]

    def leave(self) -> None:
        """Let it end in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self._end()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._end()

    def _end(self) -> None:
        self._thread.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def address() -> Iterator[KafkaAddress]:
    """Topics of the test's own."""
    made = new_namespace()
    yield made
    remove_namespace(made)


@pytest.fixture
def join(address: KafkaAddress) -> Iterator[Callable[[], KafkaFacts]]:
    """Opens users of the bus, and closes them."""
    opened: list[KafkaFacts] = []

    def open_one() -> KafkaFacts:
        opened.append(KafkaFacts(address, topology()))
        return opened[-1]

    yield open_one
    for bus in opened:
        bus.close()


@pytest.fixture
def bus(join: Callable[[], KafkaFacts]) -> KafkaFacts:
    return join()


@pytest.fixture
def readers(address: KafkaAddress) -> Iterator[Callable[[str, float], Reader]]:
    """Starts readers; what still runs at the end is killed."""
    started: list[Reader] = []

    def start(group: str, seconds: float) -> Reader:
        started.append(Reader(address, group, seconds))
        eventually(lambda: started[-1].said, "the reader to be ready")
        return started[-1]

    yield start
    for reader in started:
        if reader.process.poll() is None:
            reader.kill()


def read(bus: KafkaFacts, topic: str, group: str, limit: int = 100, seconds: float = 60) -> list[Record]:
    """What the group has next, waiting for it."""
    records: list[Record] = []

    def look() -> bool:
        records.extend(bus.read([topic], group, limit, seconds))
        return bool(records)

    eventually(look, f"facts of {topic} for {group}")
    return records
