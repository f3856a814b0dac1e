"""The tables of the orchestration context: tasks, approvals, what is known of customers, tenants' settings."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from shared.store.columns import JsonText, LargeJson, Moment
from shared.store.messages import message_tables

metadata = MetaData()
inbox, outbox, answers = message_tables(metadata)

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(100), nullable=False),
    Column("type", String(60), nullable=False),
    Column("status", String(20), nullable=False),
    Column("role", String(60), nullable=False),
    Column("queue", String(60), nullable=False),
    Column("step", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("expected_output", Text, nullable=False),
    Column("data", LargeJson, nullable=False),
    Column("results", LargeJson, nullable=False),
    Column("verdict", LargeJson, nullable=False),
    Column("cleared", LargeJson, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("cause", String(1000), nullable=False),
    Column("why", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("ended_at", Moment),
)
# Each ends in what its pages are sorted by, the id last: a page is read from where it begins, and nothing is sorted.
Index("ix_tasks_page", tasks.c.tenant, tasks.c.created_at, tasks.c.id)
Index("ix_tasks_status", tasks.c.tenant, tasks.c.status, tasks.c.created_at, tasks.c.id)
Index("ix_tasks_type", tasks.c.tenant, tasks.c.type, tasks.c.created_at, tasks.c.id)

#: What a task's data says about whom: the way from an e-mail, card or address to the tasks that had it before.
task_keys = Table(
    "task_keys",
    metadata,
    Column("tenant", String(100), primary_key=True),
    Column("kind", String(30), primary_key=True),
    Column("value", String(300), primary_key=True),
    Column("task_id", String(64), primary_key=True),
    Column("task_type", String(60), nullable=False),
    Column("at", Moment, nullable=False),
    Column("amount", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
)
Index("ix_task_keys_at", task_keys.c.tenant, task_keys.c.kind, task_keys.c.value, task_keys.c.at)
Index("ix_task_keys_recent", *(task_keys.c[name] for name in ("tenant", "task_type", "kind", "at", "value")))
# With the value in it, it alone answers who else used a key: without, SQLite reads all keys of a kind for each order.
Index("ix_task_keys_task", *(task_keys.c[name] for name in ("tenant", "task_id", "kind", "value")))

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(100), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("task_type", String(60), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("urgency", String(10), nullable=False),
    Column("urgency_rank", Integer, nullable=False),
    Column("triggers", JsonText, nullable=False),
    Column("reasons", JsonText, nullable=False),
    Column("task_data", LargeJson, nullable=False),
    Column("ai_recommendation", Text, nullable=False),
    Column("ai_confidence", Float),
    Column("estimated_impact", JsonText, nullable=False),
    Column("context", LargeJson, nullable=False),
    Column("action", LargeJson, nullable=False),
    Column("action_hash", String(64), nullable=False),
    Column("policy_version", String(64), nullable=False),
    Column("step", Integer, nullable=False),
    Column("role", String(60), nullable=False),
    Column("notes", LargeJson, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("decision", String(20), nullable=False),
    Column("reviewer", String(200), nullable=False),
    Column("reviewer_notes", Text, nullable=False),
    Column("modified_action", LargeJson),
    Column("agreement", Boolean),
)
_WAITING = ("urgency_rank", "created_at", "id")
Index("ix_approvals_waiting", *(approvals.c[name] for name in ("tenant", "status", *_WAITING)))
Index("ix_approvals_waiting_type", *(approvals.c[name] for name in ("tenant", "status", "task_type", *_WAITING)))
Index("ix_approvals_task", approvals.c.tenant, approvals.c.task_id)
Index("ix_approvals_expiry", approvals.c.status, approvals.c.expires_at)
Index("ix_approvals_decided", approvals.c.tenant, approvals.c.decided_at)

samples = Table(
    "samples",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("tenant", String(100), nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("task_type", String(60), nullable=False),
    Column("role", String(60), nullable=False),
    Column("triggers", JsonText, nullable=False),
    Column("decision", String(20), nullable=False),
    Column("agreement", Boolean),
    Column("ai_recommendation", Text, nullable=False),
    Column("ai_confidence", Float),
    Column("labels", JsonText, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_samples_type", samples.c.tenant, samples.c.task_type, samples.c.at)

#: What was said to customers: the same thing is never said twice.
messages = Table(
    "messages",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(100), nullable=False),
    Column("about", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("task_id", String(64), nullable=False),
    Column("send_at", Moment, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Moment, nullable=False),
)
Index("uq_messages_said", messages.c.tenant, messages.c.about, messages.c.fingerprint, unique=True)

tenant_settings = Table(
    "tenant_settings",
    metadata,
    Column("tenant", String(100), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", JsonText, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String(200), nullable=False),
)
