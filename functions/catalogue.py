"""THE TABLE: every function, what triggers it, who may call it, where it runs. `scripts/generate` reads it.

Nothing is imported here but data: a row names its module, and only the process that serves it imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from events.topology import INCOMING, QUEUES, TOPICS
from shared.agents.roles import roles
from shared.contract import FunctionSpec
from shared.coordination import starts


def _http(module: str, route: str, permission: str, summary: str, **more: Any) -> FunctionSpec:
    name = module.replace(".", "-").replace("_", "-")
    return FunctionSpec(name, module, "http", permission, summary, route=route, **more)


def _live(module: str, route: str, permission: str, summary: str) -> FunctionSpec:
    """Each viewer holds a call for the whole time: many of them fit in a process, and no one waits for a place."""
    return _http(
        module, route, permission, summary, store="", streams=True, timeout=120, concurrency=100, most=4, queue_limit=8
    )


def _event(module: str, summary: str, **more: Any) -> FunctionSpec:
    name = module.replace(".", "-").replace("_", "-")
    return FunctionSpec(name, module, "event", "events.deliver", summary, **more)


AUTO_QUEUES = tuple(name for name in QUEUES if name.startswith("auto_"))

#: What the live view tells of.
LIVE_TOPICS = ("ai.decisions", "ai.completions", "ai.errors", "hitl.requests", "hitl.decisions")

HTTP: tuple[FunctionSpec, ...] = (
    # identity
    _http("identity.login", "POST /auth/login", "public", "Sign in with a password",
          store="identity", secrets=("user-signing-key.pem",), concurrency=4, pace="login"),
    _http("identity.refresh", "POST /auth/refresh", "public", "Trade a refresh token for a new pair",
          store="identity", secrets=("user-signing-key.pem",)),
    _http("identity.logout", "POST /auth/logout", "identity.self", "End the session", store="identity"),
    _http("identity.me", "GET /auth/me", "identity.self", "Who am I, and what may I", store="identity"),
    _http("identity.jwks", "GET /.well-known/jwks.json", "public", "The keys that verify tokens", store=""),
    # tasks
    _http("tasks.create", "POST /tasks", "tasks.submit", "Submit a task", idempotent=True),
    _http("tasks.list", "GET /tasks", "tasks.read", "A page of tasks"),
    _http("tasks.classify", "POST /tasks/classify", "tasks.read", "The verdict on a task, without doing it"),
    _live("tasks.live", "GET /tasks/live", "tasks.read", "Tasks as they come in, go to a role and end"),
    _http("tasks.get", "GET /tasks/{task_id}", "tasks.read", "One task"),
    _http("tasks.events", "GET /tasks/{task_id}/events", "tasks.read", "A task's timeline"),
    _http("tasks.cancel", "POST /tasks/{task_id}/cancel", "tasks.submit", "Cancel a task", idempotent=True),
    # events from outside
    _http("gateway.ingest", "POST /events", "events.publish", "Take domain events from backends"),
    _http("gateway.admit", "", "events.deliver", "Take domain events from the topic where backends put them",
          topics=(INCOMING.name,)),
    # human decisions
    _http("hitl.pending", "GET /hitl/pending", "hitl.read", "Requests that wait for a human"),
    _live("hitl.live", "GET /hitl/live", "hitl.read", "What happens to the requests, as it happens"),
    _http("hitl.request", "GET /hitl/requests/{request_id}", "hitl.read", "One request, with all to decide it"),
    _http("hitl.decide", "POST /hitl/decision", "hitl.decide", "Decide a request, once", idempotent=True),
    _http("hitl.metrics", "GET /hitl/metrics", "hitl.read", "Figures of the last 24 hours"),
    _http("hitl.dashboard", "GET /hitl/dashboard", "hitl.read", "Today at a glance"),
    # agents and the record
    _http("agents.list", "GET /agents", "agents.read", "The roles with their live state"),
    _live("agents.live", "GET /agents/live", "agents.read", "What the roles do, as they do it"),
    _http("agents.get", "GET /agents/{role}", "agents.read", "One role with its live state"),
    _http("audit.list", "GET /audit", "audit.read", "Who did what, when and why", store="audit"),
    _http("audit.tail", "GET /events", "audit.read", "The facts as they come in", store="audit"),
    _http("audit.chains", "GET /audit/chains", "audit.read", "The chains of the record", store="audit"),
    _http("audit.verify", "GET /audit/verify", "audit.read", "A part of a chain, checked", store="audit"),
    # operation
    _http("operations.status", "GET /status", "operations.read", "How the work stands"),
    _http("operations.topology", "GET /topology", "operations.read", "The queues and topics", store=""),
    _http("queues.list", "GET /queues", "operations.read", "What each queue holds", store=""),
    _http("queues.dead", "GET /queues/{origin}/dead", "operations.read", "What died in a queue or topic", store=""),
    _http("queues.replay", "POST /queues/{origin}/replay", "operations.act", "Send dead letters again"),
    _http("queues.discard", "POST /queues/{origin}/discard", "operations.act", "Forget dead letters"),
)  # fmt: skip

EVENTS: tuple[FunctionSpec, ...] = (
    _event("dispatch", "Hands work from a queue to its role", queues=AUTO_QUEUES, timeout=700,
           secrets=("service-signing-key.pem",), concurrency=32, queue_limit=256),
    _event("tasks.react", "A domain event starts work", topics=starts.TOPICS),
    _event("hitl.open", "Opens the request for a human", queues=("hitl_approval", "hitl_exceptions")),
    _event("hitl.learn", "A decision becomes a sample", queues=("hitl_training",), batch=50),
    _event("hitl.expire", "Ends requests whose time is over", every=60),
    _event("hitl.rank", "Keeps those that wait in order", topics=("hitl.requests", "hitl.decisions"), every=300,
           batch=100, gather=1.0, concurrency=1),
    _event("live.publish", "Facts into the live view", store="", topics=LIVE_TOPICS, batch=200, concurrency=1),
    _event("audit.record", "Every fact into the record, once", store="audit", topics=tuple(TOPICS), batch=200,
           concurrency=1),
)  # fmt: skip


def _roles() -> tuple[FunctionSpec, ...]:
    return tuple(
        FunctionSpec(
            f"agent-{role.name.replace('_', '-')}",
            "agents.prepare" if role.family == "coordination" else "agents.work",
            "event",
            "events.deliver",
            role.role,
            topics=("hitl.requests",) if role.family == "coordination" else (),
            role=role.name,
            image="agent",
            secrets=("openai-api-key",),
            concurrency=4,
            timeout=role.timeout,
            idle=120,
            memory=512,
        )
        for role in roles().values()
    )


@cache
def functions() -> tuple[FunctionSpec, ...]:
    """Every function of the platform."""
    return (*HTTP, *EVENTS, *_roles())


@cache
def by_name() -> Mapping[str, FunctionSpec]:
    """Every function by its name."""
    return {spec.name: spec for spec in functions()}
