"""kafka-python's event loop and connections, which leave no socket open (as of 3.0.12 they do).

What is left open goes with the garbage, some time later: until then the broker keeps a connection of nobody.
"""

from __future__ import annotations

import functools
from typing import Any
from weakref import WeakSet

from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector


class Selector(NetworkSelector):  # type: ignore[misc]  # kafka-python has no types
    """A loop that closes with itself the sockets of its connections. Its base forgets those that were to be closed when
    all was sent, and are not: nothing is sent any more."""

    def __init__(self, **configs: Any) -> None:
        """`configs` as those of its base."""
        super().__init__(**configs)
        self._sockets: WeakSet[Any] = WeakSet()

    def wait_write(self, fileobj: Any, timeout_at: float | None = None) -> Any:
        """What every socket does first: it waits to be connected."""
        self._sockets.add(fileobj)
        return super().wait_write(fileobj, timeout_at)

    def close(self) -> None:
        """End it; idempotent."""
        super().close()
        for connection in list(self._sockets):
            connection.close()


def close_unconnected() -> None:
    """From now on in this process a socket that could not be connected (refused, too late, given up) is closed. Cheap
    when done before."""
    original = KafkaNetSocket.sock_connect
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    async def sock_connect(self: Any, net: Any, sock: Any, *args: Any, **options: Any) -> Any:
        try:
            return await original(self, net, sock, *args, **options)
        except BaseException:
            sock.close()
            raise

    KafkaNetSocket.sock_connect = sock_connect
