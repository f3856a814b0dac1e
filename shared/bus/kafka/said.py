"""What kafka-python has to say: some hundred lines a second while a broker is away become one of ours now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger("bus.kafka")

_ITS_LOOP = "kafka.net.selector"
#: Between two lines of ours. Seconds.
SELDOM_SECONDS = 10.0


class Seldom(logging.Handler):
    """Tells the first of what comes, and with the next one how many there were between. Tracebacks are left out: they
    are of the client's inside. An exception that the client did not expect is counted apart and told with its words:
    among the lines that follow from it nobody would find it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        super().__init__(logging.WARNING)
        self._clock = clock
        self._again_at = {True: 0.0, False: 0.0}
        self._unsaid = {True: 0, False: 0}

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it, or count it."""
        error = record.exc_info[1] if record.exc_info and record.name == _ITS_LOOP else None
        fault, now = error is not None, self._clock()
        if now < self._again_at[fault]:
            self._unsaid[fault] += 1
            return
        unsaid, self._unsaid[fault], self._again_at[fault] = self._unsaid[fault], 0, now + SELDOM_SECONDS
        before = f" ({unsaid} more lines before it)" if unsaid else ""
        why = f": {type(error).__name__}: {error}" if fault else ""
        log.warning("Kafka's client: %s%s%s", record.getMessage(), why, before)


def tell_seldom() -> None:
    """Have kafka-python speak through `Seldom` from now on, however often this is called."""
    client = logging.getLogger("kafka")
    if any(isinstance(handler, Seldom) for handler in client.handlers):
        return
    client.addHandler(Seldom())
    client.propagate = False
    logging.getLogger(_ITS_LOOP).setLevel(logging.ERROR)  # it warns when the machine is slow
