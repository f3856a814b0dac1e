"""The embedded engine of the bus: one durable SQLite file, shared by all processes of one machine."""

from __future__ import annotations

from shared.bus.embedded.bus import EmbeddedBus
from shared.bus.embedded.database import Damaged

__all__ = ["Damaged", "EmbeddedBus"]
