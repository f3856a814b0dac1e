"""Client libraries tell of trouble only, and not that the machine is slow."""

from __future__ import annotations

import logging


def quiet_libraries() -> None:
    """To be called once in a process, after its logging is set up."""
    for library in ("alembic", "kafka", "pika"):
        logging.getLogger(library).setLevel(logging.WARNING)  # they tell of each connection
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)  # it warns when the machine is slow
