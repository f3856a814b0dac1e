"""Connections to Kafka: settings that all of them share, one network thread for all groups, errors as ours."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shared.bus.backoff import backoff
from shared.bus.kafka.address import KafkaAddress
from shared.bus.kafka.answers import make_classes
from shared.bus.kafka.checksum import use_native_checksum
from shared.bus.kafka.said import tell_seldom
from shared.errors import TryAgain

#: A message with its headers has at most these bytes: a body may have 4 MiB (`Settings.body_limit`).
LARGEST_MESSAGE = 5 * 1024 * 1024
_BOOTSTRAP_SECONDS = 3.0


def common(address: KafkaAddress, client: str) -> dict[str, Any]:
    """What every client is configured with."""
    return {
        "bootstrap_servers": list(address.servers),
        "client_id": f"bizosaas-{client}",
        "bootstrap_timeout_ms": int(_BOOTSTRAP_SECONDS * 1000),
        "reconnect_backoff_ms": 100,
        "reconnect_backoff_max_ms": 2000,
    }


def opened(make: Callable[..., Any], **options: Any) -> Any:
    """`make(**options)`, a client of kafka-python; when no broker answers what it had begun is closed, which it leaves
    trying for ever. `TryAgain` then."""
    from kafka.errors import KafkaError

    from shared.bus.kafka.selector import close_unconnected

    tell_seldom()
    make_classes()
    use_native_checksum()
    close_unconnected()
    factory = options.pop("kafka_client", _client)
    begun: list[Any] = []

    def keep(**config: Any) -> Any:
        begun.append(factory(**config))
        return begun[-1]

    try:
        return make(kafka_client=keep, **options)
    except BaseException as error:
        for client in begun:
            client.close()
        if isinstance(error, KafkaError):
            raise TryAgain(f"Kafka at {', '.join(options['bootstrap_servers'])}: {type(error).__name__}") from error
        raise


def _client(**config: Any) -> Any:
    """A client with a loop of its own."""
    from kafka.net.compat import KafkaNetClient

    from shared.bus.kafka.selector import Selector

    return KafkaNetClient(net=Selector(**config), **config)


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Raises `TryAgain` for whatever kafka-python says that went wrong."""
    from kafka.errors import KafkaError

    try:
        yield
    except KafkaError as error:
        raise TryAgain(f"Kafka: {type(error).__name__}") from error


class Patience:
    """Lets attempts to connect through at growing distances, so that a bus that is away costs no seconds a call."""

    def __init__(self, base: float = 0.2, maximum: float = 10.0) -> None:
        self._base, self._maximum = base, maximum
        self._failures, self._until = 0, 0.0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around an attempt. TryAgain without one while it is too early after a failure."""
        wait = self._until - time.monotonic()
        if wait > 0:
            raise TryAgain("Kafka cannot be reached just now", retry_after=wait)
        try:
            with kafka_errors():
                yield
        except TryAgain:
            self._failures += 1
            self._until = time.monotonic() + backoff(self._failures, self._base, self._maximum, random.random)
            raise
        self._failures = 0


class Loop:
    """kafka-python's event loop and its one thread, for the consumers of all groups of a process.

    Each group keeps connections of its own (a JoinGroup blocks its connection until the whole group has come: two
    groups on one connection of two processes would wait for each other), but no thread.
    """

    def __init__(self) -> None:
        self._net: Any = None

    def client(self, arrived: Callable[[], None]) -> Callable[..., Any]:
        """For a consumer's `kafka_client`: makes its client, on this loop. `arrived` is called in the loop's thread
        when the answer to a fetch is there, with or without records, and must not block."""
        from kafka.net.compat import KafkaNetClient
        from kafka.net.manager import KafkaConnectionManager
        from kafka.protocol.consumer import FetchRequest

        from shared.bus.kafka.selector import Selector

        class Manager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python has no types
            def send(self, request: Any, *args: Any, **options: Any) -> Any:
                future = super().send(request, *args, **options)
                if isinstance(request, FetchRequest):
                    # Not at once: whoever keeps the records is told of the answer after this.
                    future.add_both(lambda _answer: self._net.call_soon(lambda: arrived()))
                return future

        class Client(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
            def close(self, node_id: Any = None) -> None:
                """Its connections only: the loop is everybody's."""

                async def close() -> None:
                    self._manager.close(node_id)

                self._net.run(close)

        def make(**options: Any) -> Any:
            if self._net is None:
                self._net = Selector(**options)
            return Client(net=self._net, manager=Manager(self._net, **options), **options)

        return make

    def close(self) -> None:
        """End the thread."""
        if self._net is not None:
            self._net.close()
            self._net = None
