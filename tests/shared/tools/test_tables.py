"""The committed tables of standards are those that their sources give."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_tables", ROOT / "scripts" / "refresh_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("table", ["currencies", "iban_lengths"])
def test_a_committed_table_is_what_its_generator_writes(table: str) -> None:
    """scripts/refresh_tables.py would change nothing."""
    committed = (ROOT / "shared" / "tools" / "tables" / f"{table}.py").read_text(encoding="utf-8")
    assert committed == getattr(_generator(), table)()
