"""GET /audit/verify: a part of a tenant's chain checked, hash by hash.

It is the server that checks itself here. Who does not trust it reads the database: `scripts/audit-verify`.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from shared.auth.scope import tenant_asked
from shared.errors import Invalid
from shared.runtime.http import CallerNow, ServicesNow, operation_router

router = operation_router()
_CURSOR = re.compile(r"-?[0-9]{1,18}\Z")  # below 1 are rows that somebody put there


class Verified(BaseModel):
    """What was found in this part. `checked` is the position up to which the chain is checked by now; the chain is
    sound when no part had a fault and `next_cursor` is null."""

    tenant: str
    checked: int
    faults: list[str]
    next_cursor: str | None


@router.get("/audit/verify")
def verify(
    caller: CallerNow,
    services: ServicesNow,
    tenant: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
) -> Verified:
    """Check up to `limit` rows from the cursor on; without one from the beginning. Another tenant's chain, or the
    platform's own (""), are for SUPER_ADMIN."""
    whose = tenant_asked(caller, tenant)
    done = services.record.check(whose, _place(cursor), limit)
    following = str(done.upto) if done.more else None
    return Verified(tenant=whose, checked=done.upto, faults=done.faults, next_cursor=following)


def _place(cursor: str) -> int | None:
    if cursor and not _CURSOR.match(cursor):
        raise Invalid.field("cursor", "must be the next_cursor of an earlier page")
    return int(cursor) if cursor else None
