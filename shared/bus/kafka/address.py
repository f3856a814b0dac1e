"""Where Kafka is: `kafka://host:port[,host:port][/namespace]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.errors import Invalid

FIELD = "BIZOSAAS_FACTS_URL"
_SCHEME = "kafka://"
_SERVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}\Z")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")


@dataclass(frozen=True)
class KafkaAddress:
    """The brokers to ask first, and what all names of ours in that cluster begin with ("" for nothing)."""

    servers: tuple[str, ...]
    namespace: str = ""

    def name(self, own: str) -> str:
        """A topic's or group's name in the cluster."""
        return f"{self.namespace}.{own}" if self.namespace else own

    def own(self, name: str) -> str | None:
        """The name in the house of a topic of the cluster; None for one that is not in the namespace."""
        if not self.namespace:
            return name
        start = self.namespace + "."
        return name.removeprefix(start) if name.startswith(start) else None


def kafka_address(url: str) -> KafkaAddress:
    """Read an address. Invalid without repeating it: what is written by mistake may hold a password."""
    servers, _, namespace = url.removeprefix(_SCHEME).partition("/")
    names = tuple(servers.split(","))
    if not url.startswith(_SCHEME) or not all(_SERVER.match(name) for name in names):
        raise Invalid.field(FIELD, "must be kafka://host:port[,host:port][/namespace]")
    if namespace and not _NAMESPACE.match(namespace):
        raise Invalid.field(FIELD, "its namespace may have 60 letters, digits, _ and -")
    return KafkaAddress(names, namespace)
