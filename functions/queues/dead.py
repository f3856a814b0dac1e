"""GET /queues/{origin}/dead: what died in a queue or topic, with the reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from functions.queues.views import DeadLetterPage, DeadLetterView
from shared.auth.scope import sees_all
from shared.coordination.dead_letters import Letters, Wanted
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()


@router.get("/queues/{origin}/dead")
def dead(
    origin: str,
    caller: CallerNow,
    services: ServicesNow,
    kind: Annotated[str, Query(alias="type", max_length=60)] = "",
    reason: Annotated[str, Query(max_length=150)] = "",
    older_than: Annotated[int, Query(ge=0, le=10**9)] = 0,
    whole: bool = False,
    cursor: Annotated[str, Query(max_length=300)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeadLetterPage:
    """The dead letters of the caller's tenant (SUPER_ADMIN: of all): of a `type` of event, with a text in the reason,
    dead for more than `older_than` seconds; `whole` shows the event that each holds."""
    now = services.now()
    before = now.timestamp() - older_than if older_than else None
    wanted = Wanted(None if sees_all(caller) else caller.tenant, kind, reason, before)
    page = Letters(services.bus, origin).page(wanted, cursor or None, limit)
    return DeadLetterPage(
        items=[DeadLetterView.of(letter, now, whole=whole) for letter in page.items], next_cursor=page.next_cursor
    )
