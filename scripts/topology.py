"""Compare the queues and topics of the platform with what the brokers have, or make what is missing. Deletes nothing.

scripts/topology            what is missing or different
scripts/topology apply      make what is missing; refused where a queue is different

Of Kafka's topics `apply` also makes right how long and how large facts are kept; how many copies and partitions they
have is read from BIZOSAAS_TOPIC_REPLICATION, BIZOSAAS_TOPIC_IN_SYNC and BIZOSAAS_TOPIC_PARTITIONS (domain.orders=12).

The brokers are those of BIZOSAAS_WORK_URL and BIZOSAAS_FACTS_URL; the embedded bus needs no topology. A queue that is
different must be drained and deleted by hand. Ends with 0 when all is as it should be, 1 when
something is missing, 65 when something is different, 75 when a broker cannot be asked.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from events.topology import TOPOLOGY
from shared.errors import HouseError, Invalid

MISSING, SAME, DIFFERENT = "missing", "same", "different"
EXIT_CODES = {SAME: 0, MISSING: 1, DIFFERENT: 65}


@dataclass(frozen=True)
class Row:
    """One queue, topic or exchange: `state` is missing, same or different, `detail` says how in the broker's words."""

    engine: str
    name: str
    state: str
    detail: str = ""


def work(options: argparse.Namespace, url: str) -> list[Row]:
    """RabbitMQ's queues; with `apply` they are made first."""
    from shared.bus.rabbitmq.address import parse_address
    from shared.bus.rabbitmq.broker import Broker
    from shared.bus.rabbitmq.layout import QueueOptions
    from shared.bus.rabbitmq.session import Session

    session = Session(parse_address(url), "topology")
    broker = Broker(session, TOPOLOGY, QueueOptions(options.queues, options.max_length))
    try:
        if options.verb == "apply":
            broker.apply()
        return [Row("rabbitmq", one.name, one.state, one.detail) for one in broker.compare()]
    finally:
        session.close()


def facts(options: argparse.Namespace, url: str) -> list[Row]:
    """Kafka's topics; with `apply` what is missing is made, and another retention or size is made right."""
    from shared.bus.kafka import kafka_address
    from shared.bus.kafka.topology import Kind, apply, difference, topic_settings, wanted_topics

    address, settings = kafka_address(url), topic_settings(os.environ)
    if options.verb == "apply":
        apply(address, TOPOLOGY, settings, grow=options.grow)
    found = {one.topic: one for one in difference(address, TOPOLOGY, settings) if one.kind is not Kind.FOREIGN}
    rows = [Row("kafka", topic.name, SAME) for topic in wanted_topics(address, TOPOLOGY, settings)]
    return [
        replace(row, state=MISSING if one.kind is Kind.MISSING else DIFFERENT, detail=one.detail)
        if (one := found.get(row.name))
        else row
        for row in rows
    ]


#: What there is of topology, by the setting that names its broker. Another engine's is a line and a function more.
PARTS: Mapping[str, Callable[[argparse.Namespace, str], list[Row]]] = {
    "BIZOSAAS_WORK_URL": work,
    "BIZOSAAS_FACTS_URL": facts,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _options(arguments)
    try:
        rows = _rows(options)
        if not rows:
            raise Invalid.field(" or ".join(PARTS), "names no broker; the embedded bus needs no topology")
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return error.exit_code
    show(rows, as_json=options.json)
    return max((EXIT_CODES[row.state] for row in rows), default=0)


def require() -> None:
    """Whether the brokers that are set have every queue and topic. Raises `Invalid` with the cure when they do not:
    what is sent to one that is not there waits until it is."""
    missing = [row.name for row in _rows(_options(["show"])) if row.state == MISSING]
    if missing:
        some = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise Invalid(f"the brokers lack {len(missing)} queues and topics ({some}): scripts/topology apply")


def _rows(options: argparse.Namespace) -> list[Row]:
    asked = {setting: url for setting in PARTS if (url := os.environ.get(setting, ""))}
    return [row for setting, url in asked.items() for row in PARTS[setting](options, url)]


def show(rows: Sequence[Row], *, as_json: bool) -> None:
    """Everything as JSON, or for people what is not as it should be."""
    from rich.console import Console
    from rich.table import Table

    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
        return
    wrong = [row for row in rows if row.state != SAME]
    print(f"{len(rows) - len(wrong)} of {len(rows)} are as they should be")
    if not wrong:
        return
    table = Table("engine", "name", "state", "detail")
    for row in wrong:
        table.add_row(row.engine, row.name, row.state, row.detail)
    Console().print(table)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", nargs="?", choices=["show", "apply"], default="show")
    parser.add_argument("--queues", choices=["quorum", "classic"], default="quorum", help="how work queues are kept")
    parser.add_argument("--max-length", type=int, help="how many messages a work queue takes (no limit without it)")
    parser.add_argument("--grow", action="store_true", help="make more partitions: later facts of a key may move")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
