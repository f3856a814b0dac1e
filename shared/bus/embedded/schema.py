"""The tables of the embedded bus."""

from __future__ import annotations

VERSION = 1

# The columns that hold a Message, in the order of its fields.
MESSAGE = "id, body, content_type, key, priority, expires_at, headers"

_MESSAGE_COLUMNS = """
    id TEXT NOT NULL, body BLOB NOT NULL, content_type TEXT NOT NULL, key TEXT NOT NULL,
    priority INTEGER NOT NULL, expires_at REAL, headers TEXT NOT NULL"""

# message.due_at is the next moment at which the row changes by itself: a ready one expires, a delayed one
# becomes ready or expires, a leased one goes back. One index on it finds everything that is due, and the
# next wake-up. `rank` is the priority within the queue's bounds; `dies_at` ends the time to live.
#
# fact.position is the offset, one sequence for all partitions: it grows in commit order and is never reused.
#
# reader is where a group stands in a partition: all up to `committed` is handled, `leased_to` is the last
# position handed out, `free_at` when the lease (or a pause) ends. A receipt of NULL is no lease.
SCHEMA = f"""
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'delayed')),
    rank INTEGER NOT NULL, attempt INTEGER NOT NULL, lease TEXT, due_at REAL NOT NULL, dies_at REAL NOT NULL,
    {_MESSAGE_COLUMNS}
);
CREATE INDEX message_next ON message (queue, state, rank DESC, seq);
CREATE INDEX message_due ON message (due_at);

CREATE TABLE dead (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL, of_topic INTEGER NOT NULL, reader_group TEXT NOT NULL,
    reason TEXT NOT NULL, attempts INTEGER NOT NULL, died_at REAL NOT NULL,
    {_MESSAGE_COLUMNS}
);
CREATE INDEX dead_origin ON dead (origin, seq);

CREATE TABLE fact (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL, part INTEGER NOT NULL, sent_at REAL NOT NULL,
    {_MESSAGE_COLUMNS}
);
CREATE INDEX fact_order ON fact (topic, part, position);
CREATE INDEX fact_age ON fact (topic, sent_at);

CREATE TABLE reader (
    reader_group TEXT NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL,
    committed INTEGER NOT NULL DEFAULT 0, leased_to INTEGER NOT NULL DEFAULT 0,
    receipt TEXT, free_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (reader_group, topic, part)
) WITHOUT ROWID;

PRAGMA user_version = {VERSION};
"""
