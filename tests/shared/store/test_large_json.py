"""A large value stands with the objects, and nobody can point a row at what is not theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select, text

from shared.errors import Failed
from shared.objects import objects
from shared.store.columns import LargeJson

table = Table("one", MetaData(), Column("id", Integer, primary_key=True), Column("value", LargeJson))


class Row:
    """A table with one column, and what stands in it."""

    def __init__(self, file: Path) -> None:
        self.engine = create_engine(f"sqlite:///{file}")
        table.create(self.engine)

    def keep(self, value: Any) -> str | None:
        """What stands in the row for a value."""
        with self.engine.begin() as connection:
            connection.execute(insert(table).values(id=1, value=value))
            return connection.execute(text("SELECT value FROM one")).scalar()

    def read(self) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(select(table.c.value)).scalar()


@pytest.fixture
def row(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    from shared.settings import settings

    monkeypatch.setenv("BIZOSAAS_INLINE_LIMIT", "1000")
    settings.cache_clear()
    one = Row(tmp_path / "one.db")
    yield one
    one.engine.dispose()


def test_a_small_value_stands_in_its_row(row: Row, home: Path) -> None:
    assert row.keep({"a": 1}) == '{"a":1}'
    assert not (home / "objects").exists()


def test_a_large_value_stands_with_the_objects_and_is_read_as_it_was(row: Row, home: Path) -> None:
    value = {"lines": [{"sku": f"S-{n}", "price": "0.10"} for n in range(100)]}
    assert len(row.keep(value) or "") < 100
    assert row.read() == value


def test_nothing_stays_nothing(row: Row) -> None:
    assert row.keep(None) is None
    assert row.read() is None


def test_a_value_that_looks_like_a_name_is_a_value(row: Row) -> None:
    """Somebody else's object cannot be read by sending its name as one's own data."""
    secret = objects().put(b'{"secret": "of another tenant"}')
    row.keep({"$object": secret})
    assert row.read() == {"$object": secret}


def test_a_value_whose_object_is_gone_is_an_error(row: Row, home: Path) -> None:
    row.keep({"note": "x" * 2000})
    for file in (home / "objects").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(Failed, match="is not there"):
        row.read()
