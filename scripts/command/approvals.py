"""approvals list, show, decide."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from events.jsontext import JsonError, loads
from scripts.command.client import Client, path_of
from scripts.command.failure import misused
from scripts.command.options import AsJson, Limit, Url
from scripts.command.show import details, moment, print_json, reason_line, say, table

app = typer.Typer(name="approvals", help="What waits for a human.", no_args_is_help=True, rich_markup_mode=None)
RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="The id of a request")]


class Urgency(StrEnum):
    """How urgent a request is."""

    high = "high"
    medium = "medium"
    low = "low"


class Decision(StrEnum):
    """What a human may decide."""

    approve = "approve"
    reject = "reject"
    modify = "modify"


@app.command("list")
def list_approvals(
    urgency: Annotated[Urgency | None, typer.Option(help="Only these")] = None,
    kind: Annotated[str, typer.Option("--type", help="Of this type of task")] = "",
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """What waits, the most urgent and then the oldest first, and why it stopped."""
    items: list[Any] = []
    cursor = None
    for page in Client(url).pages("/hitl/pending", limit, urgency=urgency, task_type=kind or None):
        items += page["items"]
        cursor = page["next_cursor"]
    if as_json:
        print_json({"items": items, "next_cursor": cursor})
        return
    rows = [
        (one["id"], one["urgency"], one["task_type"], "\n".join(map(reason_line, one["reasons"])), _until(one))
        for one in items
    ]
    table(("request", "urgency", "task", "why it stopped", "until"), rows, whole=("request",))


def _until(request: dict[str, Any]) -> str:
    return moment(request["expires_at"])[:16]


@app.command()
def show(request: RequestId, url: Url = None, as_json: AsJson = False) -> None:
    """One request with everything needed to decide it."""
    told = Client(url).get(path_of("hitl", "requests", request))
    print_json(told) if as_json else details(told)


@app.command()
def decide(
    request: RequestId,
    decision: Annotated[Decision, typer.Argument(help="approve, reject or modify")],
    notes: Annotated[str, typer.Option(help="Why, for the record")] = "",
    action: Annotated[Path | None, typer.Option(help="For modify: a file with the changed action as JSON")] = None,
    seen: Annotated[str, typer.Option(help="The action_hash that you saw: another one is a conflict")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Decide a request, once; somebody else's earlier decision is a conflict (65)."""
    if (decision is Decision.modify) != (action is not None):
        raise misused("modify needs --action FILE with the changed action, and nothing else takes it")
    body: dict[str, Any] = {"request_id": request, "decision": decision.value, "notes": notes}
    if action is not None:
        body["modified_action"] = _action(action)
    if seen:
        body["action_hash"] = seen
    told = Client(url).post("/hitl/decision", body)
    if as_json:
        print_json(told)
    else:
        say(f"{told['id']}  {told['status']}  task {told['task_id']}")


def _action(path: Path) -> Any:
    try:
        return loads(path.read_bytes())
    except OSError as error:
        raise misused(f"--action: cannot read {path}: {error.strerror}") from None
    except JsonError as error:
        raise misused(f"--action: {path}: {error}") from None
