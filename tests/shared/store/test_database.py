"""What the database cannot do just now is told apart from faults of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ResourceClosedError

from shared.errors import TryAgain
from shared.store.database import Unit, database_errors


def test_a_connection_that_was_lost_before_comes_again_and_a_misread_result_is_a_fault(home: Path) -> None:
    unit = Unit("orchestration")
    connection = unit.read()
    connection.close()
    with pytest.raises(TryAgain), database_errors():
        connection.execute(text("SELECT 1"))
    unit.close()
    result = unit.write().execute(text("UPDATE tasks SET status = 'x' WHERE 1 = 0"))
    with pytest.raises(ResourceClosedError), database_errors():
        result.all()
    unit.close()
