"""What the parts of the embedded bus have in common: the file, the topology, the clock and the doorbell."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from events.topology import Topology
from shared.bus.doorbell import bell_path, poke
from shared.bus.embedded.database import Database


class EmbeddedPart:
    """Base of the parts; nothing is opened before it is needed."""

    def __init__(
        self,
        path: Path,
        topology: Topology,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        busy_seconds: float = 5.0,
    ) -> None:
        """`path` is the SQLite file, made at first use, on a local disk (WAL shares memory between processes).

        `clock` gives seconds since the epoch, `jitter` draws from [0, 1); `busy_seconds` is how long a call
        waits for other writers before it raises TryAgain.
        """
        self._database = Database(path, busy_seconds)
        self._topology = topology
        self._clock = clock
        self._jitter = jitter
        self._bell = bell_path(path)

    def _ring(self) -> None:
        poke(self._bell)
