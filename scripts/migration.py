"""Write the next migration of a context from the difference between its tables and a database at the head.

python -m scripts.migration orchestration "Tasks know their channel"
"""

from __future__ import annotations

import os
import sys
import tempfile


def main(context: str, message: str) -> None:
    """Make a new, empty database, upgrade it to the head, and let Alembic write what is missing."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["BIZOSAAS_HOME"] = home
        from alembic import command

        from shared.store import migrate

        folder = migrate.VERSIONS / context / "versions"
        numbers = [int(path.stem) for path in folder.glob("[0-9]*.py")]
        if numbers:
            migrate.migrate(context)
        config = migrate.alembic_config(context)
        config.set_main_option("file_template", "%%(rev)s")
        command.revision(config, message, autogenerate=True, rev_id=f"{max(numbers, default=0) + 1:04d}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
