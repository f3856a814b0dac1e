"""Bring a context's database to the newest form, with Alembic, one line of versions a context.

python -m shared.store.migrate does so with those of BIZOSAAS_<CONTEXT>_DATABASE_URL, also while others work on them.
Ends with 0 when they are at the newest form, 75 when a table was too busy or a database cannot be reached.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from shared.errors import HouseError, TryAgain
from shared.settings import CONTEXTS
from shared.store.database import engine, first_line, translate

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger("store")

VERSIONS = Path(__file__).with_name("migrations")
#: For how long a change is tried while its table is busy, and the pauses between, in seconds: long enough that those
#: who waited behind it have gone on.
PATIENCE, SHORTEST_PAUSE, LONGEST_PAUSE = 300.0, 0.5, 3.0
#: SQLSTATEs of PostgreSQL by which a change did not get its table: the lock, or a deadlock that was undone.
_BUSY = frozenset({"55P03", "40P01"})


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
    """Upgrade one database; nothing happens, and Alembic is not imported, when it is at the head.

    A table that is busy is not waited for in front of others: the change is undone, and tried again. Raises `TryAgain`
    when it was busy for `PATIENCE` seconds; the versions that came before are kept.
    """
    if current(context) != head(context):
        from alembic import command

        _patiently(context, lambda: command.upgrade(alembic_config(context), "head"))


def step_back(context: str) -> None:
    """Undo the newest version that a database has, as patiently. Raises `TryAgain` as `migrate` does."""
    from alembic import command

    _patiently(context, lambda: command.downgrade(alembic_config(context), "-1"))


def _patiently(context: str, change: Callable[[], None]) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return change()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _BUSY:
                raise
            if time.monotonic() > until:
                raise TryAgain(f"the tables of {context} are too busy to be changed; the work goes on") from error
            log.warning("a table of %s is busy, its change is tried again", context)
            time.sleep(random.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))


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
    """Upgrade the databases of all contexts. Raises `TryAgain` with the name of one that cannot be used now."""
    for context in CONTEXTS:
        try:
            migrate(context)
        except SQLAlchemyError as error:
            known = translate(error)
            if not isinstance(known, TryAgain):
                raise known or error from error
            why = first_line(error) if isinstance(error, DBAPIError) else known.detail
            where = f"BIZOSAAS_{context.upper()}_DATABASE_URL"
            raise TryAgain(f"the database of {context} cannot be used: {why} ({where})") from error


def main() -> int:
    """Returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        migrate_all()
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return error.exit_code
    for context in CONTEXTS:
        print(f"{context} is at {head(context)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
