"""Ports for what must come back on the same one."""

from __future__ import annotations

import random
import socket
from itertools import islice
from pathlib import Path

from scripts.engines.instance import ADDRESS, cache, locked

#: Below the ports that systems lend to outgoing connections (Linux 32768, others 49152): while an engine is down
#: none of them can take its place, and no client that tries again can end up connected to itself.
RANGE = range(20000, 32000)


def free(port: int) -> bool:
    """Whether it can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
        return True


def choose(count: int, memory: Path | None = None) -> list[int]:
    """So many different ports that are free now. They are given in turn, in all processes of this user: an engine
    listens only seconds after its ports were chosen, and five that start side by side would meet now and then.

    `memory` is the file of the port that was given last, by default one in the user's cache.
    """
    file = memory or cache() / "last-port"
    with locked(file.with_suffix(".lock")):
        begin = _after(file)
        turn = [*RANGE[begin:], *RANGE[:begin]]
        chosen = list(islice(filter(free, turn), count))
        if chosen:
            file.write_text(str(chosen[-1]))
    return chosen


def _after(file: Path) -> int:
    """The place in the range behind the port that a file tells of; any where it tells of none."""
    try:
        return RANGE.index(int(file.read_text())) + 1
    except (FileNotFoundError, ValueError):
        return random.randrange(len(RANGE))
