"""queues list, peek, replay, discard."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

import typer

from scripts.command.client import Client, path_of
from scripts.command.failure import ABSENT, LATER, NO, Failure, misused
from scripts.command.options import AsJson, Limit, Url, seconds_of
from scripts.command.pace import Pace
from scripts.command.show import print_json, progress, say, span, table

app = typer.Typer(name="queues", help="The queues, and what died in them.", no_args_is_help=True, rich_markup_mode=None)

Origin = Annotated[str, typer.Argument(metavar="QUEUE", help="A queue, or a topic")]
Letters = Annotated[list[str] | None, typer.Argument(metavar="[LETTER]...", help="The ids of dead letters")]
Kind = Annotated[str, typer.Option("--type", help="Of this type of event (ApprovalWork)")]
Reason = Annotated[str, typer.Option("--reason", help="With this text in the reason")]
OlderThan = Annotated[str, typer.Option("--older-than", help="Dead for longer than 15m, 2h, 3d, ...")]
All = Annotated[bool, typer.Option("--all", help="All that died there")]
Why = Annotated[str, typer.Option("--why", help="The reason: it goes on record")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]


@dataclass(frozen=True)
class Chosen:
    """A dead letter to act on, and the cursor of the page that showed it."""

    id: str
    cursor: str


@app.command("list")
def list_queues(url: Url = None, as_json: AsJson = False) -> None:
    """What each queue holds, and what died in each queue and topic.

    What waits and is under way counts all tenants together, so only a SUPER_ADMIN sees it.
    """
    told = Client(url).get("/queues")
    if as_json:
        print_json(told)
        return
    counts = ("ready", "under_way", "delayed")
    queues = [one for one in told["items"] if one["kind"] == "queue"]
    topics = [one for one in told["items"] if one["kind"] == "topic" and one["dead"]]
    seen = [name for name in counts if any(one[name] is not None for one in queues)]
    rows = [(one["name"], *(one[name] for name in seen), _dead(one)) for one in queues]
    table(("queue", *(name.replace("_", " ") for name in seen), "dead"), rows)
    if topics:
        table(("topic", "dead"), [(one["name"], _dead(one)) for one in topics])


def _dead(one: dict[str, Any]) -> str:
    return f"{one['dead']}{'+' if one['dead_more'] else ''}"


@app.command()
def peek(
    origin: Origin,
    kind: Kind = "",
    reason: Reason = "",
    older_than: OlderThan = "",
    whole: Annotated[bool, typer.Option("--whole", help="With the event in each (shown with --json)")] = False,
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """What died in a queue or topic, newest first: why, how long ago, after how many attempts."""
    query = _query(kind, reason, older_than) | {"whole": "true" if whole else None}
    items: list[Any] = []
    cursor = None
    for page in Client(url).pages(path_of("queues", origin, "dead"), limit, **query):
        items += page["items"]
        cursor = page["next_cursor"]
    if as_json:
        print_json({"items": items, "next_cursor": cursor})
        return
    names = ("id", "message_id", "type", "tenant", "age", "attempts", "reason")
    aged = [one | {"age": span(one["age_seconds"])} for one in items]
    rows = [[one[name] for name in names] for one in aged]
    table(("letter", "message", *names[2:]), rows)


@app.command()
def replay(
    origin: Origin,
    letters: Letters = None,
    why: Why = "",
    kind: Kind = "",
    reason: Reason = "",
    older_than: OlderThan = "",
    everything: All = False,
    rate: Annotated[float, typer.Option(min=0, help="Letters a second at most; 0: as fast as it goes")] = 20,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to where they came from again, as new: some by id, some by filter, or all."""
    client = Client(url)
    chosen = _choose(client, origin, letters, _query(kind, reason, older_than), why, everything=everything)
    _report(_act(client, "replay", origin, chosen, why, rate), as_json=as_json)


@app.command()
def discard(
    origin: Origin,
    letters: Letters = None,
    why: Why = "",
    kind: Kind = "",
    reason: Reason = "",
    older_than: OlderThan = "",
    everything: All = False,
    yes: Yes = False,
    rate: Annotated[float, typer.Option(min=0, help="Letters a second at most; 0: as fast as it goes")] = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Forget dead letters for good: some by id, some by filter, or all. It asks first; the record keeps what went."""
    client = Client(url)
    chosen = _choose(client, origin, letters, _query(kind, reason, older_than), why, everything=everything)
    if chosen and not yes:
        _confirm(f"Discard {len(chosen)} dead {'letter' if len(chosen) == 1 else 'letters'} of {origin} for good?")
    _report(_act(client, "discard", origin, chosen, why, rate), as_json=as_json)


def _query(kind: str, reason: str, older_than: str) -> dict[str, Any]:
    seconds = seconds_of(older_than, "--older-than") if older_than else None
    return {"type": kind or None, "reason": reason or None, "older_than": seconds}


def _choose(
    client: Client, origin: str, letters: list[str] | None, query: dict[str, Any], why: str, *, everything: bool
) -> list[Chosen]:
    if not why:
        raise misused("say --why: it goes on record")
    ways = [bool(letters), any(query.values()), everything]
    if sum(ways) != 1:
        raise misused("name letters by their ids, or filter (--type, --reason, --older-than), or say --all")
    if letters:
        return [Chosen(one, "") for one in dict.fromkeys(letters)]
    return list(_listed(client, origin, query))


def _listed(client: Client, origin: str, query: dict[str, Any]) -> Iterator[Chosen]:
    cursor = ""
    with progress() as bar:
        count = bar.add_task("looking", total=None)
        for page in client.pages(path_of("queues", origin, "dead"), 0, **query):
            yield from (Chosen(one["id"], cursor) for one in page["items"])
            bar.advance(count, len(page["items"]))
            cursor = page["next_cursor"] or ""


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise misused("there is nobody to ask: say --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure(NO, "Nothing was discarded", cure="say y, or --yes, to discard")


def _act(client: Client, verb: str, origin: str, chosen: list[Chosen], why: str, rate: float) -> list[Any]:
    """The outcome of each letter."""
    pace = Pace(rate)
    outcomes: list[Any] = []
    with progress() as bar:
        done = bar.add_task(verb, total=len(chosen))
        for cursor, together in groupby(chosen, lambda one: one.cursor):
            ids = [one.id for one in together]
            for start in range(0, len(ids), pace.at_once):
                part = ids[start : start + pace.at_once]
                pace.wait(len(part))
                outcomes += _part(client, verb, origin, part, why, cursor)
                bar.advance(done, len(part))
    return outcomes


def _part(client: Client, verb: str, origin: str, ids: list[str], why: str, cursor: str) -> list[Any]:
    body = {"ids": ids, "why": why} | ({"cursor": cursor} if cursor else {})
    try:
        items: list[Any] = client.post(path_of("queues", origin, verb), body)["items"]
    except Failure as failure:
        if failure.code != ABSENT:
            raise
        return [{"id": one, "message_id": "", "outcome": "not_found", "detail": failure.detail} for one in ids]
    return items


def _report(outcomes: list[Any], *, as_json: bool) -> None:
    counts = Counter(one["outcome"] for one in outcomes)
    told = {name: counts[name] for name in ("done", "not_found", "not_done")}
    if as_json:
        print_json(told | {"items": outcomes})
    else:
        bad = [(one["id"], one["outcome"].replace("_", " "), one["detail"]) for one in outcomes if one["detail"]]
        if bad:
            table(("letter", "outcome", "detail"), bad)
        say(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in told.items()))
    if counts["not_done"]:
        raise typer.Exit(LATER)
    if counts["not_found"]:
        raise typer.Exit(ABSENT)
