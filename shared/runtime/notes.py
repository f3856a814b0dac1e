"""Notes that stand on record before what they tell of is done, so that nothing is ever done without them.

An act on the bus cannot share the transaction of a function's database. So its note is committed first, in a
transaction of its own: a crash between the two leaves a note of what was ordered, never an act without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from events.orchestration import AuditNoted
from shared.contract import Addressed
from shared.ids import derive_id
from shared.runtime import outbox
from shared.runtime.services import Services
from shared.store.database import Unit, database_errors


def put_on_record(services: Services, notes: Sequence[tuple[str, AuditNoted]], part: str = "") -> None:
    """Commit and send notes, each with the tenant on whose record it goes ("": the platform's own).

    `part` tells several calls within one call of a function apart. Raises `TryAgain`; nothing is on record then.
    """
    if not notes:
        return
    context = services.context
    own = replace(context, tenant="", id=derive_id(context.id, part) if part else context.id)
    addressed = [Addressed(note, tenant) for tenant, note in notes]
    rows = outbox.stamp(addressed, services.spec.name, own, services.now())
    unit = Unit("orchestration")
    try:
        with database_errors():
            outbox.write(unit, rows)
            unit.commit()
    finally:
        unit.close()
    outbox.send("orchestration", rows, outbox.publisher())
