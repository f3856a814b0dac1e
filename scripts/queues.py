"""Look at the queues of a home, and at what died in them; send it again, or discard it (both are put on record).

scripts/queues                          what each queue holds, and the topics in which a fact died
scripts/queues dead QUEUE_OR_TOPIC      what died there, with the reasons
scripts/queues replay ID --why TEXT     send a dead message to where it came from, as new
scripts/queues discard ID --why TEXT    forget it
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from events.envelope import DecodeError, Envelope, decode
from events.orchestration import AuditNoted
from events.topology import QUEUES, TOPICS
from shared.bus import open_bus
from shared.bus.port import Bus, DeadLetter, Message
from shared.errors import HouseError
from shared.ids import derive_id
from shared.settings import settings


def main() -> int:
    """Returns 0 when what was asked was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", nargs="?", choices=["dead", "replay", "discard"])
    parser.add_argument("what", nargs="?", help="a queue or topic, or the id of a dead message")
    parser.add_argument("--why", default="", help="the reason, for the record")
    parser.add_argument("--home", type=Path, default=Path(".bizosaas"), help="the platform's home folder")
    options = parser.parse_args()
    os.environ["BIZOSAAS_HOME"] = str(options.home.absolute())
    if not (options.home / "bus.db").exists():
        print(f"there is no bus in {options.home}; name the home of scripts/up with --home", file=sys.stderr)
        return 66
    bus = open_bus(settings().bus_url)
    try:
        return _do(bus, options)
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return error.exit_code
    finally:
        bus.close()


def _do(bus: Bus, options: argparse.Namespace) -> int:
    if options.verb is None:
        _depths(bus)
    elif options.what is None:
        print(f"{options.verb} needs one more word; see --help", file=sys.stderr)
        return 64
    elif options.verb == "dead":
        _dead(bus, options.what)
    elif not options.why:
        print("say --why: it goes on record", file=sys.stderr)
        return 64
    else:
        letter = bus.replay(options.what) if options.verb == "replay" else bus.discard(options.what)
        _note(bus, options.verb, letter, options.why)
        print(f"{options.verb}: {letter.message.id} of {letter.origin}")
    return 0


def _depths(bus: Bus) -> None:
    table = Table()
    for column in ("queue", "ready", "under way", "delayed", "dead"):
        table.add_column(column, justify="left" if column == "queue" else "right")
    for queue in QUEUES:
        depth = bus.depth(queue)
        table.add_row(queue, str(depth.ready), str(depth.leased), str(depth.delayed), str(depth.dead))
    for topic in TOPICS:
        if dead := sum(1 for _ in _letters(bus, topic)):
            table.add_row(topic, "", "", "", str(dead))
    Console().print(table)


def _dead(bus: Bus, origin: str) -> None:
    if origin not in QUEUES and origin not in TOPICS:
        sys.exit(f"{origin} is neither a queue nor a topic")
    table = Table()
    for column in ("id", "event", "died", "attempts", "reason"):
        table.add_column(column, overflow="fold")
    for letter in _letters(bus, origin):
        died = datetime.fromtimestamp(letter.died_at, UTC).isoformat(timespec="seconds")
        table.add_row(letter.id, letter.message.id, died, str(letter.attempts), letter.reason)
    Console().print(table)


def _letters(bus: Bus, origin: str) -> Iterator[DeadLetter]:
    cursor = None
    while True:
        page = bus.dead_letters(origin, 100, cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _note(bus: Bus, verb: str, letter: DeadLetter, why: str) -> None:
    """Put it on the record of the tenant whose message it was."""
    try:
        tenant = decode(letter.message.body).tenant
    except DecodeError:
        tenant = ""
    now = datetime.now(UTC)
    event = AuditNoted(
        actor=f"operator:{getpass.getuser()}",
        action=f"dead letter {verb}",
        target=letter.message.id,
        why=why,
        detail={"origin": letter.origin, "reason": letter.reason, "attempts": letter.attempts},
    )
    extensions = {"tenantid": tenant} if tenant else {}
    envelope = Envelope(derive_id(verb, letter.id, now.isoformat()), "/bizosaas/operator", event, now, "", extensions)
    bus.send([], [(event.TOPIC, Message(id=envelope.id, body=envelope.encode(), key=tenant))])


if __name__ == "__main__":
    sys.exit(main())
