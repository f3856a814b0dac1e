"""What client libraries may say in our logs."""

from __future__ import annotations

import logging

#: From which level on. Kafka's client raises what it cannot do, which we say in one line; it tells besides of each
#: connection that a broker has closed, several times, as errors with tracebacks.
LEVELS = {
    "alembic": logging.WARNING,
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "kafka": logging.CRITICAL,
    "pika": logging.WARNING,
}


def quiet_libraries() -> None:
    """Set the levels; imports none of them."""
    for library, level in LEVELS.items():
        logging.getLogger(library).setLevel(level)
