"""Declares the layout on a broker and compares it with what is there. It never deletes and never changes a queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from events.topology import DEAD_LETTER_EXCHANGE, Topology
from shared.bus.rabbitmq.layout import DeclaredQueue, QueueOptions, declared_queues
from shared.bus.rabbitmq.session import Refused, Session
from shared.errors import Conflict

MISSING, SAME, DIFFERENT = "missing", "same", "different"
_NOT_FOUND = 404


@dataclass(frozen=True)
class Difference:
    """One thing of the layout: `state` is missing, same or different; `detail` says in the broker's words how."""

    name: str
    state: str
    detail: str = ""


class Broker:
    """A broker's queues and exchange, over one session."""

    def __init__(self, session: Session, topology: Topology, options: QueueOptions) -> None:
        self._session = session
        self._topology = topology
        self._options = options

    def compare(self) -> list[Difference]:
        """Each queue and the exchange as they stand. Makes nothing."""
        queues = list(declared_queues(self._topology, self._options, self._session.version()))
        return [self._compare_exchange(), *(self._compare_queue(queue) for queue in queues)]

    def apply(self) -> list[Difference]:
        """Make what is missing; returns what was. Conflict, and nothing is made, where something there is different:
        it has to be drained and deleted by hand."""
        found = self.compare()
        different = [one for one in found if one.state == DIFFERENT]
        if different:
            names = ", ".join(one.name for one in different)
            raise Conflict(f"not as they should be, and not changed: {names}")
        self._session.ask(
            lambda channel, done: channel.exchange_declare(DEAD_LETTER_EXCHANGE, "topic", durable=True, callback=done)
        )
        for queue in declared_queues(self._topology, self._options, self._session.version()):
            self._session.ask(self._declaration(queue))
            if queue.bound_as:
                self._session.ask(self._binding(queue))
        return [one for one in found if one.state == MISSING]

    def _compare_exchange(self) -> Difference:
        name = DEAD_LETTER_EXCHANGE
        try:
            self._session.ask(
                lambda channel, done: channel.exchange_declare(name, "topic", passive=True, callback=done)
            )
            self._session.ask(
                lambda channel, done: channel.exchange_declare(name, "topic", durable=True, callback=done)
            )
        except Refused as error:
            return Difference(name, MISSING if error.code == _NOT_FOUND else DIFFERENT, error.text)
        return Difference(name, SAME)

    def _compare_queue(self, queue: DeclaredQueue) -> Difference:
        """AMQP tells no arguments; but a queue that is there is declared again only with the same ones."""
        try:
            self._session.ask(lambda channel, done: channel.queue_declare(queue.name, passive=True, callback=done))
            self._session.ask(self._declaration(queue))
        except Refused as error:
            return Difference(queue.name, MISSING if error.code == _NOT_FOUND else DIFFERENT, error.text)
        return Difference(queue.name, SAME)

    def _declaration(self, queue: DeclaredQueue) -> Callable[[Any, Any], object]:
        return lambda channel, done: channel.queue_declare(
            queue.name, durable=True, arguments=dict(queue.arguments), callback=done
        )

    def _binding(self, queue: DeclaredQueue) -> Callable[[Any, Any], object]:
        return lambda channel, done: channel.queue_bind(queue.name, DEAD_LETTER_EXCHANGE, queue.bound_as, callback=done)
