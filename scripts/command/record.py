"""audit verify, events tail: the record."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.progress import Progress

from scripts.command.client import Client
from scripts.command.failure import NO
from scripts.command.options import AsJson, Url
from scripts.command.show import clean, moment, print_json, print_line, progress, say

audit = typer.Typer(name="audit", help="The record: who did what, and why.", rich_markup_mode=None)
events = typer.Typer(name="events", help="The facts.", rich_markup_mode=None)
_LOOK_AGAIN = 1.0
Tenant = Annotated[str | None, typer.Option(help='Another tenant, or the platform itself (""): for SUPER_ADMIN')]


@audit.callback(no_args_is_help=True)
def _audit() -> None:
    """The record: who did what, and why."""


@events.callback(no_args_is_help=True)
def _events() -> None:
    """The facts."""


@audit.command()
def verify(tenant: Tenant = None, url: Url = None, as_json: AsJson = False) -> None:
    """Let the platform check the chains of its record; the exit code is 1 when one has a fault.

    A SUPER_ADMIN checks those of all tenants. It is the server's own word: scripts/audit-verify reads the database
    itself, for those who do not take it.
    """
    client = Client(url)
    chains: list[dict[str, Any]] = [{"tenant": tenant, "facts": None}]
    if tenant is None:
        chains = client.get("/audit/chains")["items"]
    with progress() as bar:
        told = [_verified(client, chain, bar) for chain in chains]
    if as_json:
        print_json({"items": told, "sound": all(one["sound"] for one in told)})
    else:
        _say(told)
    if not all(one["sound"] for one in told):
        raise typer.Exit(NO)


def _verified(client: Client, chain: dict[str, Any], bar: Progress) -> dict[str, Any]:
    job = bar.add_task(_name(chain["tenant"]), total=chain["facts"])
    faults: list[str] = []
    cursor = None
    while True:
        part = client.get("/audit/verify", tenant=chain["tenant"], cursor=cursor)
        faults += part["faults"]
        bar.update(job, completed=part["checked"])
        cursor = part["next_cursor"]
        if cursor is None:
            return {"tenant": part["tenant"], "facts": part["checked"], "sound": not faults, "faults": faults}


def _name(tenant: str) -> str:
    return tenant or "platform"


def _say(told: list[dict[str, Any]]) -> None:
    for one in told:
        if one["sound"]:
            say(f"{_name(one['tenant'])}: {one['facts']} facts, the chain is sound", "green")
        for fault in one["faults"]:
            say(fault, "red")


@events.command()
def tail(
    number: Annotated[int, typer.Option("-n", min=1, max=200, help="How many of the newest to begin with")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as facts come in, until Ctrl-C")] = False,
    kind: Annotated[str, typer.Option("--type", help="Only this type (TaskEnded)")] = "",
    tenant: Tenant = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The newest facts of your tenant, in order; with --follow also those that come."""
    client = Client(url)
    page = client.get("/events", limit=number, tenant=tenant)
    while True:
        for one in page["items"]:
            if not kind or kind == one["type"] or kind in one["type"].split("."):
                print_line(one) if as_json else print(_line(one), flush=True)
        if not follow:
            return
        if len(page["items"]) < 200:
            time.sleep(_LOOK_AGAIN)
        page = client.get("/events", limit=200, tenant=tenant, cursor=page["next_cursor"])


def _line(fact: dict[str, Any]) -> str:
    name = fact["type"].split(".")[-2]
    about = fact["task_id"] or fact["data"].get("target", "")
    what = " ".join(str(fact["data"][key]) for key in ("action", "role", "status", "decision") if fact["data"].get(key))
    return clean(f"{moment(fact['time'])}  {name:<16}  {about:<32}  {fact['actor']}  {what}").rstrip()
