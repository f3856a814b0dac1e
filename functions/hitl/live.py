"""GET /hitl/live: requests that open, are prepared, decided, expire or are withdrawn, as server-sent events."""

from __future__ import annotations

from shared.runtime.http import operation_router
from shared.runtime.stream import EventStream, Live

router = operation_router()


@router.get("/hitl/live", response_class=EventStream)
async def live(view: Live) -> EventStream:
    """What happens in the caller's tenant: `load` (read the page now), then an event for each thing that happens;
    `away` while there is no live view."""
    return view.of("approvals")
