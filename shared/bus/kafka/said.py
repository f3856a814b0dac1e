"""What kafka-python has to say: some hundred lines a second while a broker is away become one of ours now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger("bus.kafka")

#: Between two lines of ours. Seconds.
SELDOM_SECONDS = 10.0


class Seldom(logging.Handler):
    """Tells the first of what comes, and with the next one how many there were between. Tracebacks are left out: they
    are of the client's inside."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        super().__init__(logging.WARNING)
        self._clock = clock
        self._again_at = 0.0
        self._unsaid = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, or count it."""
        now = self._clock()
        if now < self._again_at:
            self._unsaid += 1
            return
        unsaid, self._unsaid, self._again_at = self._unsaid, 0, now + SELDOM_SECONDS
        before = f" ({unsaid} more lines before it)" if unsaid else ""
        log.warning("Kafka's client: %s%s", record.getMessage(), before)


def tell_seldom() -> None:
    """Have kafka-python speak through `Seldom` from now on, however often this is called."""
    client = logging.getLogger("kafka")
    if any(isinstance(handler, Seldom) for handler in client.handlers):
        return
    client.addHandler(Seldom())
    client.propagate = False
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)  # it warns when the machine is slow
