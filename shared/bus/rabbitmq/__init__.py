"""RabbitMQ as the engine of work: queues, retries and dead letters. Facts are another engine's."""

from __future__ import annotations

from shared.bus.rabbitmq.bus import RabbitBus

__all__ = ["RabbitBus"]
