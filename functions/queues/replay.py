"""POST /queues/{origin}/replay: what died is sent to where it came from again, as new, on record."""

from __future__ import annotations

from functions.queues.acts import Order, Outcomes, carry_out
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


@router.post("/queues/{origin}/replay")
def replay(origin: str, body: Order, caller: CallerNow, services: ServicesNow) -> Outcomes:
    """Send letters again; each as if it were new. One that still cannot be handled dies again."""
    return carry_out(services.bus.replay, "replay", origin, body, caller, services)
