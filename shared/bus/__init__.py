"""The bus: work goes to queues, facts to topics. `port` says what every engine promises; a URL names the engine.

One URL names the embedded engine, which does both (`sqlite:///<path>`). Two with a line break between them name the
engine for work (`amqp://user:password@host:port/vhost`, or the embedded one) and that for facts (`kafka://host:port`,
or the embedded one). `Settings.bus_url` is made so.
"""

from __future__ import annotations

from pathlib import Path

from events.topology import TOPOLOGY, Topology
from shared.bus.port import Bus, FactEngine, Publisher, WorkEngine
from shared.errors import Invalid

_FILE = "sqlite:///"
_WORK_SCHEMES = ("amqp", "amqps")


def open_bus(url: str, topology: Topology = TOPOLOGY) -> Bus:
    """The bus that `url` names (see the module). Nothing is opened before its first call.

    Invalid for a URL that names no engine.
    """
    work, both, facts = url.partition("\n")
    if not both:
        return _embedded(url, topology)
    from shared.bus.pair import PairBus

    return PairBus(_work_engine(work, topology), _fact_engine(facts, topology), topology)


def open_publisher(url: str) -> Publisher:
    """The sending side of `open_bus`, for those that only publish."""
    return open_bus(url)


def brokers_only(url: str) -> bool:
    """Whether both work and facts are a broker's, which knows by itself whose connection is dead."""
    work, _, facts = url.partition("\n")
    return _scheme(work) in _WORK_SCHEMES and _scheme(facts) == "kafka"


def load_libraries(url: str) -> None:
    """Import what the engines of `url` need and connect to nothing: for a process that will be forked."""
    work, _, facts = url.partition("\n")
    if _scheme(work) in _WORK_SCHEMES:
        import pika  # noqa: F401
    if _scheme(facts) == "kafka":
        from shared.bus.kafka.answers import make_classes
        from shared.bus.kafka.checksum import use_native_checksum

        make_classes()
        use_native_checksum()


def bus_file(url: str) -> Path:
    """The embedded engine's file, beside which its `Doorbell` hangs. Invalid for another kind of URL."""
    path = url.removeprefix(_FILE)
    if path == url or not path:
        raise Invalid.field("bus_url", f"must be sqlite:///<path of a file>, not {_scheme(url)}://...")
    return Path(path)


def _work_engine(url: str, topology: Topology) -> WorkEngine:
    if _scheme(url) not in _WORK_SCHEMES:
        return _embedded(url, topology)
    from shared.bus.rabbitmq import RabbitBus

    return RabbitBus(url, topology)


def _fact_engine(url: str, topology: Topology) -> FactEngine:
    if _scheme(url) != "kafka":
        return _embedded(url, topology)
    from shared.bus.kafka import KafkaFacts, kafka_address

    return KafkaFacts(kafka_address(url), topology)


def _embedded(url: str, topology: Topology) -> Bus:
    file = bus_file(url)
    from shared.bus.embedded import EmbeddedBus

    return EmbeddedBus(file, topology)


def _scheme(url: str) -> str:
    return url.partition("://")[0]  # the rest of a broker's address may hold a password
