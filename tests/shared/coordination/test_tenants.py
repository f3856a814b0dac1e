"""What a tenant may set, and what is refused before it is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.coordination.tenants import Tenants
from shared.errors import Invalid
from shared.store.database import Unit


@pytest.fixture
def tenants(home: Path) -> Tenants:
    return Tenants(Unit("orchestration"), lambda: datetime(2026, 12, 11, 12, tzinfo=UTC))


def test_what_is_saved_is_read(tenants: Tenants) -> None:
    tenants.save("demo", {"time_zone": "Europe/Berlin"}, "admin")
    assert tenants.settings("demo") == {"time_zone": "Europe/Berlin"}
    tenants.unit.close()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", 3, "Europe", "../etc"])
def test_a_time_zone_that_is_none_is_named_and_nothing_is_kept(tenants: Tenants, zone: Any) -> None:
    """The dashboard's day begins at its midnight: it must not be found out there."""
    with pytest.raises(Invalid) as caught:
        tenants.save("demo", {"time_zone": zone}, "admin")
    assert [problem.field for problem in caught.value.problems] == ["time_zone"]
    assert tenants.settings("demo") == {}
    tenants.unit.close()
