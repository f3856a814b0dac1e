"""The bus: work goes to queues, facts to topics. `port` says what every engine promises; a URL names the engine."""

from __future__ import annotations

from pathlib import Path

from events.topology import TOPOLOGY, Topology
from shared.bus.port import Bus, Publisher
from shared.errors import Invalid

_FILE = "sqlite:///"


def open_bus(url: str, topology: Topology = TOPOLOGY) -> Bus:
    """The engine that `url` names (`sqlite:///<path>`: the embedded one). Nothing is opened before its first call.

    Invalid for a URL that names no engine.
    """
    file = bus_file(url)
    from shared.bus.embedded import EmbeddedBus

    return EmbeddedBus(file, topology)


def open_publisher(url: str) -> Publisher:
    """The sending side of `open_bus`, for those that only publish."""
    return open_bus(url)


def bus_file(url: str) -> Path:
    """The embedded engine's file, beside which its `Doorbell` hangs. Invalid for another kind of URL."""
    path = url.removeprefix(_FILE)
    if path == url or not path:
        scheme = url.partition("://")[0]  # the rest of a broker's address may hold a password
        raise Invalid.field("bus_url", f"must be sqlite:///<path of a file>, not {scheme}://...")
    return Path(path)
