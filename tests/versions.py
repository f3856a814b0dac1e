"""The house's migrations and one version more of two contexts: an ordinary change of their busiest tables."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.store.migrate import VERSIONS, head

#: What the version after the newest changes: a context's table, and the column that an index of it begins with.
BUSIEST = {"orchestration": ("tasks", "type"), "audit": ("record", "type")}

_NEXT = '''"""A channel, and an index that begins with the {key}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store.changing import create_index, drop_index

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("{table}", sa.Column("channel", sa.String(20), nullable=False, server_default="web"))
    create_index("ix_{table}_channel", "{table}", ["{key}", "channel"])


def downgrade() -> None:
    drop_index("ix_{table}_channel", "{table}")
    op.drop_column("{table}", "channel")
'''


def next_revision(context: str) -> str:
    """The number of the version after the newest."""
    return f"{int(head(context)) + 1:04d}"


def with_one_more(folder: Path) -> Path:
    """The versions in a folder, for `shared.store.migrate.VERSIONS`."""
    made = folder / "migrations"
    shutil.copytree(VERSIONS, made, ignore=shutil.ignore_patterns("__pycache__"))
    for context, (table, key) in BUSIEST.items():
        revision = next_revision(context)
        words = _NEXT.format(revision=revision, before=head(context), table=table, key=key)
        (made / context / "versions" / f"{revision}.py").write_text(words)
    return made
