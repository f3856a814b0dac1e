"""The bridge alone: messages that it hands to functions which answer at once, beside a bare reader of the same engine.

The bare readers (`bridging.py`) do what each engine's library needs to read a message and be rid of it, and nothing
else: no token, no call, no verdict, no retry, no dead letter, no lease.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from events.commerce import OrderPlaced
from events.envelope import Envelope
from events.topology import TOPOLOGY
from events.work import RoleWork
from scripts.benchmarks.bridging import QUEUE, TOPIC
from scripts.benchmarks.measure import Bench, Figure
from scripts.benchmarks.platform import ROOT, environment
from scripts.benchmarks.real import engines, make_topology
from shared.bus import open_bus
from shared.bus.port import Bus, Message
from shared.runtime.clock import utc_now

#: How many messages a round by the reader's size; one at a time is slow, and its figure settles sooner.
MANY, FEW = 4_000, 500
_CHUNK = 500


@dataclass(frozen=True)
class Pair:
    """The bridge and what stands beside it, both names of `bridging.READERS`, at one size."""

    engine: str
    bridge: str
    bare: str
    against: str
    size: int
    what: str

    @property
    def count(self) -> int:
        """Messages a round."""
        return FEW if self.size == 1 and self.bridge != "kafka_bridge" else MANY


PREFETCH, BATCHES = (1, 10, 100), (1, 200)
PAIRS: tuple[Pair, ...] = (
    *(Pair("rabbitmq", "rabbit_bridge", "rabbit_bare", "bare pika", n, f"prefetch {n}") for n in PREFETCH),
    *(Pair("kafka", "kafka_bridge", "kafka_bare", "bare kafka-python", n, f"{n} a call") for n in BATCHES),
    *(Pair("file", "file_bridge", "file_bare", "lease and ack alone", n, f"{n} at once") for n in PREFETCH),
    *(Pair("file", "facts_bridge", "facts_bare", "read and commit alone", n, f"{n} a call") for n in BATCHES),
)
_NAMES = {
    "rabbit_bridge": "work of RabbitMQ",
    "kafka_bridge": "facts of Kafka",
    "file_bridge": "work, embedded",
    "facts_bridge": "facts, embedded",
}
Numbers = dict[tuple[Pair, str], list[Mapping[str, float]]]


def run(bench: Bench) -> Iterator[Figure]:
    """For each engine and size: so many messages to the bridge, then as many to the bare reader."""
    found: Numbers = defaultdict(list)
    file = bench.folder / "bus.db"
    with engines(bench, ("rabbitmq", "kafka")) as real:
        env = environment(bench.folder / "home", **real.environment())
        make_topology(env)
        work, facts = real.url("rabbitmq"), f"kafka://{real.url('kafka')}"
        urls = {"rabbitmq": work, "kafka": facts, "file": str(file)}
        with closing(open_bus(f"{work}\n{facts}", TOPOLOGY)) as brokers, closing(open_bus(f"sqlite:///{file}")) as own:
            for number in range(bench.rounds):
                for pair in PAIRS:
                    bench.say(f"bridge: round {number + 1} of {bench.rounds}, {_NAMES[pair.bridge]}, {pair.what}")
                    bus = own if pair.engine == "file" else brokers
                    settings = env | {"BENCH_URL": urls[pair.engine]}
                    for reader in (pair.bridge, pair.bare):
                        if "bare" not in reader or pair.bridge in ("rabbit_bridge", "file_bridge"):
                            _publish(bus, pair, number)  # a topic keeps its facts: both groups read the same
                        found[pair, reader].append(_read(settings, reader, pair))
    for pair in PAIRS:
        yield from _figures(pair, found)


def _publish(bus: Bus, pair: Pair, number: int) -> None:
    topic = pair.bridge in ("kafka_bridge", "facts_bridge")
    for start in range(0, pair.count, _CHUNK):
        some = [_message(f"{number}-{start + n}", topic=topic) for n in range(_CHUNK)]
        if topic:
            bus.send([], [(TOPIC, message) for message in some])
        else:
            bus.send([(QUEUE, message) for message in some])


def _message(name: str, *, topic: bool) -> Message:
    event: OrderPlaced | RoleWork = (
        OrderPlaced(order_id=f"order-{name}", amount="120.50", currency="EUR", order={"lines": [{"sku": "TENT-2"}]})
        if topic
        else RoleWork(task_id=f"task-{name}", task_type="order", role="fraud_screener", queue=QUEUE, step=1)
    )
    extensions = {"tenantid": "demo", "correlationid": f"story-{name}"}
    return Message(name, Envelope(name, "/bench", event, utc_now(), extensions=extensions).encode(), key=name)


def _read(env: Mapping[str, str], reader: str, pair: Pair) -> Mapping[str, float]:
    command = [sys.executable, "-m", "scripts.benchmarks.bridging", reader, str(pair.size), str(pair.count)]
    done = subprocess.run(command, cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False, timeout=180)
    if done.returncode:
        raise RuntimeError(f"{reader} failed: {done.stderr[-800:]}")
    said: Mapping[str, float] = json.loads(done.stdout)
    return said


def _figures(pair: Pair, found: Numbers) -> Iterator[Figure]:
    how = (
        f"{pair.count} messages a round, published before; CPU and memory of the one process that reads, from the "
        "first message to the last acknowledgement; functions answer at once; as many calls at once as the prefetch"
    )
    ours, theirs = found[pair, pair.bridge], found[pair, pair.bare]
    for name, key in (("messages per CPU-second", "cpu"), ("messages per second", "seconds")):
        yield Figure(
            f"bridge, {_NAMES[pair.bridge]}, {pair.what}: {name}", "1/s", "more",
            tuple(pair.count / one[key] for one in ours), tuple(pair.count / one[key] for one in theirs),
            pair.against, how=how,
        )  # fmt: skip
    if pair.size == max(PREFETCH):
        yield Figure(
            f"bridge, {_NAMES[pair.bridge]}, {pair.what}: memory", "MiB", "less",
            tuple(one["memory_mib"] for one in ours), tuple(one["memory_mib"] for one in theirs), pair.against, how=how,
        )  # fmt: skip
