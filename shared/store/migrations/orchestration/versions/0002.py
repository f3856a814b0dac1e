"""Pages of tasks and of waiting requests are read in the order of an index; the outbox counts in 64 bits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":  # SQLite's integers have 64 bits
        op.alter_column("outbox", "seq", type_=sa.BigInteger())
        op.execute("ALTER SEQUENCE outbox_seq_seq AS bigint")
    op.drop_index("ix_tasks_status", "tasks")
    op.create_index("ix_tasks_status", "tasks", ["tenant", "status", "created_at", "id"])
    op.create_index("ix_tasks_type", "tasks", ["tenant", "type", "created_at", "id"])
    waiting = ["urgency_rank", "created_at", "id"]
    op.drop_index("ix_approvals_waiting", "approvals")
    op.create_index("ix_approvals_waiting", "approvals", ["tenant", "status", *waiting])
    op.create_index("ix_approvals_waiting_type", "approvals", ["tenant", "status", "task_type", *waiting])


def downgrade() -> None:
    op.drop_index("ix_approvals_waiting_type", "approvals")
    op.drop_index("ix_approvals_waiting", "approvals")
    op.create_index("ix_approvals_waiting", "approvals", ["tenant", "status", "urgency_rank", "created_at"])
    op.drop_index("ix_tasks_type", "tasks")
    op.drop_index("ix_tasks_status", "tasks")
    op.create_index("ix_tasks_status", "tasks", ["tenant", "status", "created_at"])
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER SEQUENCE outbox_seq_seq AS integer")
        op.alter_column("outbox", "seq", type_=sa.Integer())
