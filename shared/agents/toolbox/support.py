"""The tools of the support roles: ticket_triager and reply_drafter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.agents.case import Case, Tool
from shared.agents.toolbox import support_reply as reply
from shared.agents.toolbox import support_triage as triage

_FUNCTIONS: tuple[Callable[[Case], Any], ...] = (
    triage.clean_message,
    triage.detect_language,
    triage.mask_sensitive,
    triage.find_references,
    triage.classify_topic,
    triage.impact_urgency,
    triage.priority,
    triage.due_at,
    triage.known_ticket,
    triage.conclude_triage,
    reply.known_facts,
    reply.extract_asks,
    reply.assemble,
    reply.ask_coverage,
    reply.check_claims,
    reply.check_commitments,
    reply.readability,
    reply.leak_check,
    reply.conclude_reply,
)

#: A tool says of itself what its function's docstring says.
TOOLS: tuple[Tool, ...] = tuple(Tool(run.__name__, " ".join((run.__doc__ or "").split()), run) for run in _FUNCTIONS)
