"""The outbox and the chains count in 64 bits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":  # SQLite's integers have 64 bits
        op.alter_column("record", "position", type_=sa.BigInteger())
        op.alter_column("heads", "position", type_=sa.BigInteger())
        op.alter_column("outbox", "seq", type_=sa.BigInteger())
        op.execute("ALTER SEQUENCE outbox_seq_seq AS bigint")


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER SEQUENCE outbox_seq_seq AS integer")
        op.alter_column("outbox", "seq", type_=sa.Integer())
        op.alter_column("record", "position", type_=sa.Integer())
        op.alter_column("heads", "position", type_=sa.Integer())
