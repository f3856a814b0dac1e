"""The bus of a process that does more with it than send: opened when first used, never carried across a fork."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from shared.settings import settings

if TYPE_CHECKING:
    from shared.bus.port import Bus


@cache
def _bus(url: str, process: int) -> Bus:  # noqa: ARG001  # never across a fork
    from shared.bus import open_bus

    return open_bus(url)


def bus() -> Bus:
    """The process's bus. Raises `Invalid` for an address that names no engine."""
    return _bus(settings().bus_url, os.getpid())
