"""Bring a context's database to the newest form, with Alembic, one line of versions a context."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from shared.settings import CONTEXTS
from shared.store.database import engine

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = Path(__file__).with_name("migrations")


def head(context: str) -> str:
    """The newest version of a context: the last file of its folder (they are numbered)."""
    return max(path.stem for path in (VERSIONS / context / "versions").glob("[0-9]*.py"))


def current(context: str) -> str:
    """The version that a database has, "" for a new one."""
    with engine(context).connect().execution_options(reading=True) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def migrate(context: str) -> None:
    """Upgrade one database; nothing happens, and Alembic is not imported, when it is at the head."""
    if current(context) == head(context):
        return
    from alembic import command

    command.upgrade(alembic_config(context), "head")


def alembic_config(context: str) -> Config:
    """Alembic's view of one context: its versions and its database."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(VERSIONS))
    config.set_main_option("version_locations", str(VERSIONS / context / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["context"] = context
    return config


def migrate_all() -> None:
    """Upgrade the databases of all contexts."""
    for context in CONTEXTS:
        migrate(context)
