"""POST /queues/{origin}/discard: what died is forgotten, on record."""

from __future__ import annotations

from functions.queues.acts import Order, Outcomes, carry_out
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


@router.post("/queues/{origin}/discard")
def discard(origin: str, body: Order, caller: CallerNow, services: ServicesNow) -> Outcomes:
    """Forget letters for good. What they were, and why they went, stays on record."""
    return carry_out(services.bus.discard, "discard", origin, body, caller, services)
