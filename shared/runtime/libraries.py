"""What client libraries may say in our logs."""

from __future__ import annotations

import logging

#: From which level on. What Kafka's client has to say is told seldom besides (`shared.bus.kafka.said`).
LEVELS = {
    "alembic": logging.WARNING,
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "kafka": logging.WARNING,
    "pika": logging.WARNING,
}


def quiet_libraries() -> None:
    """Set the levels; imports none of them."""
    for library, level in LEVELS.items():
        logging.getLogger(library).setLevel(level)
