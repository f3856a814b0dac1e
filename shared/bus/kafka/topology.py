"""The topics as the cluster is told of them: what should be there, what differs, and how it is made so.

Nothing is ever taken away: a topic that is not ours stays, fewer partitions or another replication are refused, and
more partitions are made only when asked for, because a key's later facts would then go to another partition than its
earlier ones.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from events.topology import IN_SYNC_REPLICAS, REPLICATION_FACTOR, Topology
from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.connect import LARGEST_MESSAGE, common, kafka_errors, opened
from shared.bus.kafka.dead import dead_topic
from shared.errors import Invalid, TryAgain

_FOR_EVER = "-1"
_TOLD_SECONDS = 15.0
_MOST = 10_000  # partitions of a topic, or copies of one: beyond it is a slip of the pen
_REPLICATION, _IN_SYNC, _PARTITIONS = (
    "BIZOSAAS_TOPIC_REPLICATION",
    "BIZOSAAS_TOPIC_IN_SYNC",
    "BIZOSAAS_TOPIC_PARTITIONS",
)


@dataclass(frozen=True)
class TopicSettings:
    """What a cluster decides: copies of each partition, how many of them must confirm, and more partitions than the
    table says for some topics (by name)."""

    replication: int = REPLICATION_FACTOR
    in_sync: int = IN_SYNC_REPLICAS
    partitions: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.in_sync <= self.replication:
            raise Invalid.field("in_sync", "must be at least 1 and not above the replication")


def topic_settings(environ: Mapping[str, str]) -> TopicSettings:
    """From `BIZOSAAS_TOPIC_REPLICATION`, `BIZOSAAS_TOPIC_IN_SYNC` (numbers from 1) and `BIZOSAAS_TOPIC_PARTITIONS`
    (`domain.orders=12,audit.trail=20`). Invalid naming the key and the value that cannot be used."""
    more: dict[str, int] = {}
    for part in filter(None, environ.get(_PARTITIONS, "").split(",")):
        name, _, count = part.partition("=")
        more[name.strip()] = _number(_PARTITIONS, count.strip())
    return TopicSettings(
        replication=_number(_REPLICATION, environ.get(_REPLICATION) or str(REPLICATION_FACTOR)),
        in_sync=_number(_IN_SYNC, environ.get(_IN_SYNC) or str(IN_SYNC_REPLICAS)),
        partitions=more,
    )


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST):
        raise Invalid.field(key, f"must have a whole number from 1 to {_MOST}, not {text!r}")
    return int(text)


@dataclass(frozen=True)
class WantedTopic:
    """One topic by its name in the cluster; `config` as the broker writes it."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


class Kind(Enum):
    """What kind of a difference: the first two are made right, `GROW` when asked for, the others never."""

    MISSING = "missing"
    CONFIG = "config"
    GROW = "grow"
    REFUSED = "refused"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Difference:
    """One topic that is not as it should be; `detail` says how, for people."""

    topic: str
    kind: Kind
    detail: str


def wanted_topics(address: KafkaAddress, topology: Topology, settings: TopicSettings) -> list[WantedTopic]:
    """Every topic of the table and, for each, the one where its dead letters rest. Invalid for a setting that names
    an unknown topic or fewer partitions than the table."""
    more = settings.partitions or {}
    for name in more.keys() - topology.topics.keys():
        raise Invalid.field("partitions", f"{name!r} is not in the topology")
    wanted: list[WantedTopic] = []
    base = {"min.insync.replicas": str(settings.in_sync), "max.message.bytes": str(LARGEST_MESSAGE)}
    for spec in topology.topics.values():
        partitions = more.get(spec.name, spec.partitions)
        if partitions < spec.partitions:
            raise Invalid.field("partitions", f"{spec.name!r} has at least {spec.partitions}")
        kept = _FOR_EVER if spec.retention_seconds is None else str(spec.retention_seconds * 1000)
        config = base | {"cleanup.policy": "delete", "retention.ms": kept}
        if spec.stamped:
            config["message.timestamp.type"] = "LogAppendTime"
        wanted.append(WantedTopic(address.name(spec.name), partitions, settings.replication, config))
        dead = base | {"cleanup.policy": "compact"}
        wanted.append(WantedTopic(dead_topic(address, spec.name), 1, settings.replication, dead))
    return wanted


def difference(address: KafkaAddress, topology: Topology, settings: TopicSettings) -> list[Difference]:
    """How the cluster differs from what is wanted, without touching it. TryAgain if no broker answers."""
    with kafka_errors():
        admin = _admin(address)
        try:
            return _differences(admin, address, wanted_topics(address, topology, settings))
        finally:
            admin.close()


def apply(
    address: KafkaAddress, topology: Topology, settings: TopicSettings, *, grow: bool = False
) -> tuple[list[Difference], list[Difference]]:
    """Make the cluster as it should be: (what was changed, what was left). TryAgain if no broker answers, or one of
    the changes failed; applying again goes on from there."""
    wanted = {topic.name: topic for topic in wanted_topics(address, topology, settings)}
    with kafka_errors():
        admin = _admin(address)
        try:
            found = _differences(admin, address, list(wanted.values()))
            done = [one for one in found if one.kind in _MADE or (grow and one.kind is Kind.GROW)]
            _create(admin, [wanted[one.topic] for one in done if one.kind is Kind.MISSING])
            _configure(admin, [wanted[one.topic] for one in done if one.kind is Kind.CONFIG])
            if more := [wanted[one.topic] for one in done if one.kind is Kind.GROW]:
                admin.create_partitions({topic.name: topic.partitions for topic in more})
            _wait_until_told(admin, address, [wanted[one.topic] for one in done], done)
        finally:
            admin.close()
    return done, [one for one in found if one not in done]


_MADE = (Kind.MISSING, Kind.CONFIG)


def _admin(address: KafkaAddress) -> Any:
    from kafka import KafkaAdminClient

    return opened(KafkaAdminClient, **common(address, "topology"))


def _differences(admin: Any, address: KafkaAddress, wanted: Sequence[WantedTopic]) -> list[Difference]:
    names = {topic.name for topic in wanted}
    there = {topic["name"]: topic for topic in admin.describe_topics() if not topic["is_internal"]}
    configs = _configs(admin, sorted(names & there.keys()))
    found: list[Difference] = []
    for topic in wanted:
        if topic.name not in there:
            found.append(Difference(topic.name, Kind.MISSING, f"{topic.partitions} partitions"))
        else:
            found += _differs(topic, there[topic.name]["partitions"], configs[topic.name])
    foreign = sorted(name for name in there.keys() - names if address.own(name) is not None)
    return found + [Difference(name, Kind.FOREIGN, "is not in the topology, and stays") for name in foreign]


def _differs(topic: WantedTopic, partitions: Sequence[Any], config: Mapping[str, str]) -> list[Difference]:
    found: list[Difference] = []
    if len(partitions) < topic.partitions:
        found.append(Difference(topic.name, Kind.GROW, f"{len(partitions)} partitions, {topic.partitions} wanted"))
    elif len(partitions) > topic.partitions:
        told = f"{len(partitions)} partitions cannot become {topic.partitions}: facts would be lost"
        found.append(Difference(topic.name, Kind.REFUSED, told))
    copies = {len(partition["replica_nodes"]) for partition in partitions}
    if copies != {topic.replication}:
        told = f"{sorted(copies)} replicas, {topic.replication} wanted: reassign them with the cluster's own tools"
        found.append(Difference(topic.name, Kind.REFUSED, told))
    wrong = [(key, config.get(key), value) for key, value in topic.config.items() if config.get(key) != value]
    if wrong:
        told = ", ".join(f"{key} is {now}, not {value}" for key, now, value in wrong)
        found.append(Difference(topic.name, Kind.CONFIG, told))
    return found


def _wait_until_told(
    admin: Any, address: KafkaAddress, topics: Sequence[WantedTopic], done: Sequence[Difference]
) -> None:
    """A change is made when the controller has it; the brokers tell of it a little later."""
    changed = {(one.topic, one.kind) for one in done}
    deadline = time.monotonic() + _TOLD_SECONDS
    while changed & {(one.topic, one.kind) for one in _differences(admin, address, topics)}:
        if time.monotonic() > deadline:
            raise TryAgain(f"Kafka does not tell of the changes after {_TOLD_SECONDS:.0f} seconds")
        time.sleep(0.05)


def _configs(admin: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    from kafka.admin import ConfigResource, ConfigResourceType

    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    told = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: entry["value"] for key, entry in told[name].items()} for name in names}


def _create(admin: Any, topics: Sequence[WantedTopic]) -> None:
    if topics:
        admin.create_topics(
            {
                topic.name: {
                    "num_partitions": topic.partitions,
                    "replication_factor": topic.replication,
                    "configs": dict(topic.config),
                }
                for topic in topics
            },
            wait_for_metadata=True,
        )


def _configure(admin: Any, topics: Sequence[WantedTopic]) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    if topics:
        kind = ConfigResourceType.TOPIC
        admin.alter_configs([ConfigResource(kind, topic.name, dict(topic.config)) for topic in topics])
