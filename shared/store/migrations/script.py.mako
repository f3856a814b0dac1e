"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store import columns
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    # written by scripts/migration, then read
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
