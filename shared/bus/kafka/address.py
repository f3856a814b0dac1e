"""Where Kafka is: `kafka://host:port[,host:port][/namespace][?session=SECONDS]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.errors import Invalid

FIELD = "BIZOSAAS_FACTS_URL"
_SCHEME = "kafka://"
_SERVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}\Z")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_SESSION = re.compile(r"session=([0-9]{1,4})\Z")
#: After how many seconds without a sign of life a reader has left its group, and its partitions go to others. Brokers
#: take 6 to 1800 unless they are told otherwise (`group.min.session.timeout.ms`).
SESSION_SECONDS = 10
SHORTEST_SESSION, LONGEST_SESSION = 6, 1800


@dataclass(frozen=True)
class KafkaAddress:
    """The brokers to ask first, what all names of ours in that cluster begin with ("" for nothing), and after how many
    silent seconds a reader is taken for gone."""

    servers: tuple[str, ...]
    namespace: str = ""
    session: int = SESSION_SECONDS

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
    place, asked, query = url.removeprefix(_SCHEME).partition("?")
    servers, _, namespace = place.partition("/")
    names = tuple(servers.split(","))
    if not url.startswith(_SCHEME) or not all(_SERVER.match(name) for name in names):
        raise Invalid.field(FIELD, "must be kafka://host:port[,host:port][/namespace]")
    if namespace and not _NAMESPACE.match(namespace):
        raise Invalid.field(FIELD, "its namespace may have 60 letters, digits, _ and -")
    session = _SESSION.match(query) if asked else None
    seconds = int(session[1]) if session else SESSION_SECONDS
    if (asked and not session) or not SHORTEST_SESSION <= seconds <= LONGEST_SESSION:
        limits = f"{SHORTEST_SESSION} to {LONGEST_SESSION}"
        raise Invalid.field(FIELD, f"may end in ?session=SECONDS, {limits}, and nothing else")
    return KafkaAddress(names, namespace, seconds)
