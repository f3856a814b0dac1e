"""One bridge as a process of its own: `python -m host.bridging --stack stack.yml --gateway http://127.0.0.1:8080`.

It reads queues and topics and calls functions over HTTP, by the triggers in the stack file. Several copies share the
work; a copy that dies loses nothing, since the brokers hand what it held to the others.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import uvloop

from events.topology import TOPOLOGY
from host.bridge import Bridge
from host.chores import Chores
from host.gateway import Gateway
from host.live import Live
from host.stack import read_stack
from host.subscriptions import Subscription, subscriptions
from host.timers import Timers
from shared.auth.tokens import service_token
from shared.bus import brokers_only, open_bus
from shared.errors import HouseError, Invalid
from shared.quiet import quiet_libraries
from shared.settings import settings

GRACE_SECONDS = 30.0


async def serve(wanted: Sequence[Subscription], gateway: str, *, timers: bool, live: Live) -> None:
    """Run until SIGINT or SIGTERM; then finish what is under way."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    bus = open_bus(settings().bus_url, TOPOLOGY)
    async with AsyncExitStack() as ending:
        calls = Gateway(gateway, {one.function: one.lease for one in wanted})
        ending.push_async_callback(calls.close)
        token = partial(service_token, name="bridge")
        bridge = Bridge(bus, bus.bells(), wanted, calls.call, token, Chores(bus, alone=False), on_event=live.on_event)
        bridge.start()
        ending.push_async_callback(bridge.stop, GRACE_SECONDS)
        if timers:
            clock = Timers(wanted, calls.call, partial(service_token, name="timer"))
            clock.start()
            ending.push_async_callback(clock.stop)
        live.on_event("bridging", pid=os.getpid(), functions=len(wanted))
        await stopping.wait()


def need_brokers() -> None:
    """Raises Invalid where the bus is the embedded one: its one reader is the host, which knows who is dead."""
    if not brokers_only(settings().bus_url):
        raise Invalid.field(
            "bridges", "need BIZOSAAS_WORK_URL (amqp://...) and BIZOSAAS_FACTS_URL (kafka://...): the host itself "
            "reads the embedded bus"
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    quiet_libraries()
    try:
        need_brokers()
        functions = read_stack(options.stack, os.environ).values()
        wanted = subscriptions((f.name, f.annotations, f.concurrency * f.maximum, f.timeout) for f in functions)
        live = Live(json_lines=True)
        uvloop.run(serve(wanted, options.gateway, timers=options.timers, live=live))
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return error.exit_code
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m host.bridging", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    gateway = os.environ.get("BIZOSAAS_GATEWAY_URL", "http://127.0.0.1:8080")
    parser.add_argument("--stack", type=Path, default=Path("stack.yml"), help="the functions and their triggers")
    parser.add_argument("--gateway", default=gateway, metavar="URL", help=f"where functions are called ({gateway})")
    parser.add_argument("--timers", action="store_true", help="wake functions by the clock too; for one copy only")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
