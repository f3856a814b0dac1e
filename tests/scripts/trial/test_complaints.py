"""What a platform complains of, the same complaint once."""

from __future__ import annotations

import json

from scripts.trial.complaints import complaints

LINES = [
    json.dumps({"text": "agent-ticket-triager[30341] ERROR runtime: agent-ticket-triager failed: IndexError"}),
    json.dumps({"text": "agent-ticket-triager[17] ERROR runtime: agent-ticket-triager failed: IndexError"}),
    json.dumps({"text": "agent-ticket-triager[17] Traceback (most recent call last):"}),
    json.dumps({"text": "agent-ticket-triager[17]   File \"words.py\", line 7, in stem"}),
    json.dumps({"text": "agent-ticket-triager[17] IndexError: string index out of range"}),
    json.dumps({"text": "dispatch[4] WARNING store: the database cannot take this now"}),
    json.dumps({"text": "demo order ERROR", "fact": {"type": "what a customer wrote is no complaint"}}),
    "ERROR bridge: a round of the bridge failed",
    '{"text": "cut off in the midd',
]  # fmt: skip


def test_errors_are_counted_by_kind_and_warnings_are_not() -> None:
    assert complaints(LINES) == {
        "agent-ticket-triager[#] ERROR runtime: agent-ticket-triager failed: IndexError": 2,
        "agent-ticket-triager[#] IndexError: string index out of range": 1,
        "ERROR bridge: a round of the bridge failed": 1,
    }
