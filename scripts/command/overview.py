"""status, agents, topology: what there is and how it does."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scripts.command.client import Client, path_of
from scripts.command.options import AsJson, Url
from scripts.command.show import details, moment, print_json, say, span, table


def status(url: Url = None, as_json: AsJson = False) -> None:
    """How the work of your tenant stands; for a SUPER_ADMIN also the platform's backlog."""
    told = Client(url).get("/status")
    if as_json:
        print_json(told)
        return
    dead = f"{told['dead_letters']}{' or more' if told['dead_more'] else ''}"
    shown = {
        "tenant": told["tenant"],
        "at": moment(told["time"]),
        "open tasks": _counts(told["open"]),
        "made in 24 h": _counts(told["made_24h"]),
        "wait for a human": _counts(told["pending"]),
        "since": moment(told["oldest_pending"]),
        "dead letters": dead,
    }
    details(shown | ({"all queues": _counts(told["backlog"])} if told["backlog"] else {}))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in sorted(counts.items())) or "none"


def agents(
    role: Annotated[str | None, typer.Argument(help="One role, with all that is known of it")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The agent roles, and what each does now and did in 24 hours."""
    client = Client(url)
    if role:
        told = client.get(path_of("agents", role))
        print_json(told) if as_json else details(told)
        return
    told = client.get("/agents")
    if as_json:
        print_json(told)
        return
    rows = [
        (one["name"], one["queue"], one["waiting"], one["running"], one["completed_24h"], _share(one))
        for one in told["items"]
    ]
    table(("role", "queue", "waiting", "running", "done in 24 h", "confidence"), rows)


def _share(role: dict[str, Any]) -> str:
    value = role["average_confidence_24h"]
    return "" if value is None else f"{value:.2f}"


def topology(url: Url = None, as_json: AsJson = False) -> None:
    """The queues and topics that the platform declares."""
    told = Client(url).get("/topology")
    if as_json:
        print_json(told)
        return
    queues = [
        (one["name"], one["priority"], span(one["ttl_seconds"]), one["delivery_limit"], one["dead_letter"])
        for one in told["queues"]
    ]
    table(("queue", "priority", "time to live", "deliveries", "dead letters in"), queues)
    topics = [(one["name"], one["partitions"], _kept(one["retention_seconds"])) for one in told["topics"]]
    table(("topic", "partitions", "kept"), topics)
    say(f"in production {told['replication_factor']} copies, {told['in_sync_replicas']} of them in sync")


def _kept(seconds: int | None) -> str:
    return "for ever" if seconds is None else span(seconds)
