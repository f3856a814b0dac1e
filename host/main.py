"""Run a stack on one machine: `python -m host --stack stack.yml --ingress functions/ingress.json --home .bizosaas`."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import uvloop

from events.topology import TOPICS, TOPOLOGY
from host.bridge import Bridge
from host.bridges import Bridges
from host.bridging import need_brokers
from host.calls import Response
from host.chores import Chores, Show
from host.deliver import Call
from host.home import Home
from host.ingress import read_ingress
from host.live import Live
from host.platform import Host
from host.settings import AGENT, LIGHT, Settings
from host.stack import Function, read_stack
from host.subscriptions import Subscription, subscriptions
from host.timers import Timers
from host.valkey import cache_at
from shared.auth.keys import ensure_keys
from shared.auth.tokens import service_token, verify
from shared.bus import open_bus
from shared.errors import HouseError, Invalid, Problem
from shared.runtime.libraries import quiet_libraries
from shared.settings import settings
from shared.store.database import database_errors
from shared.store.migrate import migrate_all

log = logging.getLogger("host")

#: Imported once in each zygote, so that no function pays for it; leaves no thread and no connection.
PRELOAD = ("shared.runtime.preload", "functions.warmed")
REHEARSALS = {"light": "functions.rehearsal:answer", "agent": "functions.rehearsal:step"}
GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    home: Path
    stack: Path
    ingress: Path
    address: str
    port: int
    json_logs: bool
    bridges: int


async def serve(options: Options, live: Live, make_ready: Callable[[], None], announce: Callable[[int], None]) -> None:
    """Run until SIGINT or SIGTERM. `make_ready()` runs in a thread while the zygotes start, which need nothing of it;
    `announce(port)` is called when requests are answered."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    cache = cache_at(settings().cache_url)
    functions = read_stack(options.stack, os.environ)
    deny_by_default(functions)
    host = Host(
        functions,
        read_ingress(options.ingress),
        _settings(options, cache.url),
        authenticate=verify,
        on_log=live.on_log,
        on_event=live.on_event,
    )
    try:
        await asyncio.gather(cache.start(), host.start(), asyncio.to_thread(make_ready))
        port = await host.listen(options.address, options.port)
    except BaseException:
        await host.stop(0.0)
        cache.stop()
        raise
    call = partial(_call, host)
    wanted = subscriptions((f.name, f.annotations, f.concurrency * f.maximum, f.timeout) for f in functions.values())
    bridge = _bridge([] if options.bridges else wanted, call, live)
    others = _bridges(options, port, live)
    timers = Timers(wanted, call, partial(service_token, name="timer"))
    bridge.start()
    others.start()
    timers.start()
    announce(port)
    await stopping.wait()
    live.say("stopping: no new work, what is under way is finished", "quiet")
    await timers.stop()
    await asyncio.gather(bridge.stop(GRACE_SECONDS), others.stop(GRACE_SECONDS))
    await host.stop(GRACE_SECONDS)
    cache.stop()
    live.say("stopped", "quiet")


def deny_by_default(functions: Mapping[str, Function]) -> None:
    """Who may call a function is never left open: raises Invalid with every function that does not say."""
    silent = [name for name, one in functions.items() if not one.annotations.get("permission")]
    if silent:
        problems = tuple(
            Problem(f"functions.{name}.annotations.permission", "must say who may call") for name in silent
        )
        raise Invalid(f"the stack file leaves open who may call {len(silent)} function(s)", problems=problems)


def _settings(options: Options, cache_url: str) -> Settings:
    environment = {
        "BIZOSAAS_HOME": str(options.home),
        "BIZOSAAS_CACHE_URL": cache_url,
        "BIZOSAAS_GATEWAY_URL": f"http://{options.address}:{options.port}",
    }
    images = tuple(
        replace(image, preload=(*image.preload, *PRELOAD), rehearsal=REHEARSALS[image.name]) for image in (LIGHT, AGENT)
    )
    return Settings(images=images, environment=environment, body_limit=settings().body_limit)


def _bridge(wanted: Sequence[Subscription], call: Call, live: Live) -> Bridge:
    """The host's own: it shows the facts, and moves them and the work unless `wanted` is empty."""
    bus = open_bus(settings().bus_url, TOPOLOGY)
    left = bus.take_back()  # the home is ours alone: whoever leased before us is dead
    if left:
        log.warning("took back %d leases that a crash had left", left)
    show, chores = Show(bus, tuple(TOPICS), live.on_fact), Chores(bus)

    def look() -> float:
        return min(show(), chores()) if wanted else show()  # else the bridge processes do the chores

    token = partial(service_token, name="bridge")
    return Bridge(bus, bus.bells(), wanted, call, token, look, on_event=live.on_event)


def _bridges(options: Options, port: int, live: Live) -> Bridges:
    where = ["--stack", str(options.stack), "--gateway", f"http://{options.address}:{port}"]
    return Bridges(options.bridges, where, live.on_bridge, live.on_event)


async def _call(host: Host, function: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Response:
    return await host.call(function, headers=headers, body=body)


def run(options: Options, prepare: Callable[[], None], announce: Callable[[int], None], live: Live) -> int:
    """Take the home, make ready what is missing, serve. Returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    quiet_libraries()
    os.umask(0o077)  # the databases are the owner's alone, in whatever folder they are
    try:
        home = Home(options.home)
        try:
            os.environ["BIZOSAAS_HOME"] = str(options.home)
            if options.bridges:
                need_brokers()
            uvloop.run(serve(options, live, partial(_make_ready, prepare), announce))
        finally:
            home.release()
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        for problem in error.problems:
            if problem.rule not in error.detail:
                print(f"  {problem.field} {problem.rule}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        cure = "; --port takes another one" if error.errno == errno.EADDRINUSE else ""
        print(f"cannot run: {error}{cure}", file=sys.stderr)
        return 71
    return 0


def _make_ready(prepare: Callable[[], None]) -> None:
    ensure_keys(settings().secrets)
    migrate_all()
    with database_errors():
        prepare()


def options_from(arguments: Sequence[str] | None = None, description: str | None = __doc__) -> Options:
    """Read a command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--home", type=Path, default=Path(".bizosaas"), help="where everything is kept")
    parser.add_argument("--stack", type=Path, default=Path("stack.yml"), help="the functions to run")
    parser.add_argument("--ingress", type=Path, default=Path("functions/ingress.json"), help="the public paths")
    parser.add_argument("--address", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=_port, default=8080, help="the port to listen on, 0 for any")
    parser.add_argument("--json-logs", action="store_true", help="one JSON object a line, for machines")
    parser.add_argument("--bridges", type=_count, default=0, metavar="N", help="with real brokers: bridge processes "
                        "beside the host, which does the bridge's work itself unless there are some")  # fmt: skip
    chosen = parser.parse_args(arguments)
    return Options(
        home=chosen.home.absolute(),
        stack=chosen.stack,
        ingress=chosen.ingress,
        address=chosen.address,
        port=chosen.port,
        json_logs=chosen.json_logs,
        bridges=chosen.bridges,
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"must be 0 to {2**16 - 1}, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 64):
        raise argparse.ArgumentTypeError(f"must be 0 to 64, not {text!r}")
    return int(text)


def main() -> int:
    """The generic host, without demo users."""
    options = options_from()
    live = Live(json_lines=options.json_logs)
    began = time.monotonic()

    def announce(port: int) -> None:
        seconds = time.monotonic() - began
        live.say(f"ready on http://{options.address}:{port} after {seconds:.1f} s", "good", port=port)

    return run(options, lambda: None, announce, live)
