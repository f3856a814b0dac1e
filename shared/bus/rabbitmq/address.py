"""Where the broker is: the URL, taken apart and checked, never shown with its password."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.errors import Invalid

_PORTS = {"amqp": 5672, "amqps": 5671}
_FORM = "must be amqp://user:password@host:port/vhost"
#: After how many seconds without a sign of life each side takes the other for gone: what a consumer that hangs holds
#: goes to others then. `?heartbeat=` in the URL says another number.
HEARTBEAT_SECONDS = 30
_LONGEST_HEARTBEAT = 3600


@dataclass(frozen=True)
class Address:
    """A broker and a virtual host of it, and who asks."""

    host: str
    port: int
    vhost: str
    user: str
    password: str = field(repr=False)
    secure: bool = False
    heartbeat: int = HEARTBEAT_SECONDS

    def __str__(self) -> str:
        return f"RabbitMQ at {self.host}:{self.port}"

    def parameters(self, purpose: str, heartbeat: int) -> Any:
        """What pika connects with. `heartbeat` in seconds; 0 asks for none, for those that only speak now and then."""
        import pika

        # What pika logs as errors are connections that break: whoever uses them says so, in one line and as a warning.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        options = None
        if self.secure:
            import ssl

            options = pika.SSLOptions(ssl.create_default_context(), self.host)
        return pika.ConnectionParameters(
            self.host,
            self.port,
            self.vhost,
            pika.PlainCredentials(self.user, self.password, erase_on_connect=False),
            heartbeat=heartbeat,
            ssl_options=options,
            socket_timeout=5,
            stack_timeout=10,
            connection_attempts=1,
            client_properties={"connection_name": f"bizosaas {purpose} {os.getpid()}"},
        )


def parse_address(url: str) -> Address:
    """Raises Invalid, without the URL in it, for what is not `amqp[s]://user:password@host:port/vhost`, with or without
    `?heartbeat=SECONDS`."""
    try:
        parts = urlsplit(url)
        port = parts.port
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise Invalid.field("work_url", _FORM) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Invalid.field("work_url", _FORM)
    return Address(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        vhost=unquote(parts.path.removeprefix("/")) or "/",
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        secure=parts.scheme == "amqps",
        heartbeat=_heartbeat(query),
    )


def _heartbeat(query: Mapping[str, str]) -> int:
    text = query.get("heartbeat", str(HEARTBEAT_SECONDS))
    known = set(query) <= {"heartbeat"}
    if not known or not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_HEARTBEAT):
        raise Invalid.field("work_url", f"may end in ?heartbeat=SECONDS, 1 to {_LONGEST_HEARTBEAT}, and nothing else")
    return int(text)
