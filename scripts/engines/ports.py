"""Ports for what must come back on the same one."""

from __future__ import annotations

import random
import socket

from scripts.engines.instance import ADDRESS

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


def choose(count: int) -> list[int]:
    """So many different ports that are free now."""
    chosen: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(chosen) == count:
            break
        if free(port):
            chosen.append(port)
    return chosen
