"""The shop that is counted, in a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.trial.shop import make_shop


@pytest.fixture
def shop(home: Path) -> Path:
    """Three tasks ended, one waits, one died, and an event died too; all is sound."""
    make_shop()
    return home
