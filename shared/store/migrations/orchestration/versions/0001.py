"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store import columns

revision = "0001"
down_revision = None


def upgrade() -> None:
    # written by scripts/migration, then read
    op.create_table(
        "answers",
        sa.Column("function", sa.String(length=100), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.String(length=4000), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("function", "tenant", "user_id", "key"),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("task_type", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("urgency", sa.String(length=10), nullable=False),
        sa.Column("urgency_rank", sa.Integer(), nullable=False),
        sa.Column("triggers", columns.JsonText(), nullable=False),
        sa.Column("reasons", columns.JsonText(), nullable=False),
        sa.Column("task_data", columns.JsonText(), nullable=False),
        sa.Column("ai_recommendation", sa.Text(), nullable=False),
        sa.Column("ai_confidence", sa.Float(), nullable=True),
        sa.Column("estimated_impact", columns.JsonText(), nullable=False),
        sa.Column("context", columns.JsonText(), nullable=False),
        sa.Column("action", columns.JsonText(), nullable=False),
        sa.Column("action_hash", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("notes", columns.JsonText(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=False),
        sa.Column("decided_at", columns.Moment(), nullable=True),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("reviewer", sa.String(length=200), nullable=False),
        sa.Column("reviewer_notes", sa.Text(), nullable=False),
        sa.Column("modified_action", columns.JsonText(), nullable=True),
        sa.Column("agreement", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index("ix_approvals_decided", ["tenant", "decided_at"], unique=False)
        batch_op.create_index("ix_approvals_expiry", ["status", "expires_at"], unique=False)
        batch_op.create_index("ix_approvals_task", ["tenant", "task_id"], unique=False)
        batch_op.create_index("ix_approvals_waiting", ["tenant", "status", "urgency_rank", "created_at"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("function", sa.String(length=100), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=1000), nullable=False),
        sa.Column("id", sa.String(length=1000), nullable=False),
        sa.Column("handled_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("function", "tenant", "source", "id"),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("send_at", columns.Moment(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("uq_messages_said", ["tenant", "about", "fingerprint"], unique=True)

    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=1000), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("time", columns.Moment(), nullable=False),
        sa.Column("to_queue", sa.Boolean(), nullable=False),
        sa.Column("destination", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=1000), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_subject", ["tenant", "subject", "seq"], unique=False)
        batch_op.create_index(
            "ix_outbox_unsent",
            ["seq"],
            unique=False,
            sqlite_where=sa.text("sent_at IS NULL"),
            postgresql_where=sa.text("sent_at IS NULL"),
        )

    op.create_table(
        "samples",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("task_type", sa.String(length=60), nullable=False),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("triggers", columns.JsonText(), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("agreement", sa.Boolean(), nullable=True),
        sa.Column("ai_recommendation", sa.Text(), nullable=False),
        sa.Column("ai_confidence", sa.Float(), nullable=True),
        sa.Column("labels", columns.JsonText(), nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    with op.batch_alter_table("samples", schema=None) as batch_op:
        batch_op.create_index("ix_samples_type", ["tenant", "task_type", "at"], unique=False)

    op.create_table(
        "task_keys",
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("value", sa.String(length=300), nullable=False),
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("task_type", sa.String(length=60), nullable=False),
        sa.Column("at", columns.Moment(), nullable=False),
        sa.Column("amount", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "kind", "value", "task_id"),
    )
    with op.batch_alter_table("task_keys", schema=None) as batch_op:
        batch_op.create_index("ix_task_keys_at", ["tenant", "kind", "value", "at"], unique=False)
        batch_op.create_index("ix_task_keys_recent", ["tenant", "task_type", "kind", "at", "value"], unique=False)
        batch_op.create_index("ix_task_keys_task", ["tenant", "task_id", "kind", "value"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("queue", sa.String(length=60), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("expected_output", sa.Text(), nullable=False),
        sa.Column("data", columns.JsonText(), nullable=False),
        sa.Column("results", columns.JsonText(), nullable=False),
        sa.Column("verdict", columns.JsonText(), nullable=False),
        sa.Column("cleared", columns.JsonText(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("cause", sa.String(length=1000), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("updated_at", columns.Moment(), nullable=False),
        sa.Column("ended_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index("ix_tasks_page", ["tenant", "created_at", "id"], unique=False)
        batch_op.create_index("ix_tasks_status", ["tenant", "status", "created_at"], unique=False)

    op.create_table(
        "tenant_settings",
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", columns.JsonText(), nullable=False),
        sa.Column("changed_at", columns.Moment(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )


def downgrade() -> None:
    op.drop_table("tenant_settings")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index("ix_tasks_status")
        batch_op.drop_index("ix_tasks_page")

    op.drop_table("tasks")
    with op.batch_alter_table("task_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_task_keys_task")
        batch_op.drop_index("ix_task_keys_recent")
        batch_op.drop_index("ix_task_keys_at")

    op.drop_table("task_keys")
    with op.batch_alter_table("samples", schema=None) as batch_op:
        batch_op.drop_index("ix_samples_type")

    op.drop_table("samples")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_unsent", sqlite_where=sa.text("sent_at IS NULL"), postgresql_where=sa.text("sent_at IS NULL")
        )
        batch_op.drop_index("ix_outbox_subject")

    op.drop_table("outbox")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index("uq_messages_said")

    op.drop_table("messages")
    op.drop_table("inbox")
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index("ix_approvals_waiting")
        batch_op.drop_index("ix_approvals_task")
        batch_op.drop_index("ix_approvals_expiry")
        batch_op.drop_index("ix_approvals_decided")

    op.drop_table("approvals")
    op.drop_table("answers")
