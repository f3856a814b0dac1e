"""Our side of the small work: a function, its host and the bridge before it, on a queue of RabbitMQ.

    python -m scripts.benchmarks.learner serve FOLDER BATCH     says "ready"; then "go" and "halt" on standard input
    python -m scripts.benchmarks.learner publish BATCH COUNT    sends COUNT messages, waits for each one's confirm

The runtime is the platform's: token and permission, envelope, inbox and change in one commit, acknowledged after it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from events.envelope import Envelope
from events.event import Event
from events.topology import TOPOLOGY
from events.work import TrainingSample
from host.bridge import Bridge
from host.ingress import Ingress
from host.platform import Host
from host.settings import Image, Settings
from host.stack import read_stack
from host.subscriptions import subscriptions
from scripts.benchmarks.samples import QUEUE, TENANT, keep, sample
from shared.auth.keys import ensure_keys
from shared.auth.tokens import service_token, verify
from shared.bus import open_bus
from shared.bus.port import Message
from shared.contract import FunctionSpec
from shared.runtime.clock import utc_now
from shared.runtime.services import Services
from shared.settings import settings

NAME = "learner"
SPEC = FunctionSpec(NAME, "bench.learner", "event", "events.deliver", "Keeps a sample", queues=(QUEUE,))
#: As functions/hitl/learn.py runs in production, but for the batch and the sleep.
STACK = """
version: 1.0
provider: {{name: openfaas}}
functions:
  learner:
    image: bench:1
    skip_build: true
    labels: {{com.openfaas.scale.zero-duration: 600s, com.openfaas.scale.max: '1'}}
    annotations:
      {{kind: event, concurrency: '8', queue-limit: '64', timeout: 30s, queues: {queue}, batch: '{batch}'}}
"""


def handle(event: TrainingSample, services: Services) -> list[Event]:
    """Keep it; nobody is told."""
    keep(services.unit.write(), event.model_dump())
    return []


def run(_function: str, listener: Any, ready: Callable[[], None], lifeline: int = -1) -> None:
    """The entry of the function's process: served as every function is."""
    from shared.runtime.app import EventApp
    from shared.runtime.entry import configure, serve

    sys.modules[f"functions.{SPEC.module}"] = sys.modules[__name__]  # where the runtime looks for a function
    uvloop.run(serve(configure(EventApp(SPEC)), listener, ready, lifeline))


async def _serve(folder: Path, batch: int) -> None:
    path = folder / "stack.yml"
    path.write_text(STACK.format(queue=QUEUE, batch=batch))
    functions = read_stack(path, {})
    images = (Image("bench", ("uvloop", "shared.runtime.entry", "scripts.benchmarks.learner")),)
    host = Host(
        functions,
        Ingress(()),
        Settings(f"{__spec__.name}:run", images),
        authenticate=verify,
        on_log=lambda *a: print(a, file=sys.stderr),
    )
    wanted = subscriptions((f.name, f.annotations, f.concurrency * f.maximum, f.timeout) for f in functions.values())
    await host.start()
    print("ready", flush=True)
    bridge: Bridge | None = None
    while said := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if said == "go":
            bus = open_bus(settings().bus_url, TOPOLOGY)
            call = partial(_call, host)
            bridge = Bridge(bus, bus.bells(), wanted, call, partial(service_token, name="bridge"))
            bridge.start()
        else:
            if bridge is not None:
                await bridge.stop(10)
            bridge = None
            print("halted", flush=True)
    await host.stop(5.0)


async def _call(host: Host, function: str, headers: Any, body: bytes) -> Any:
    return await host.call(function, headers=headers, body=body)


def _publish(batch: str, count: int) -> None:
    bus = open_bus(settings().bus_url, TOPOLOGY)
    bus.send([(QUEUE, _message(batch, -1))])  # the connection is made
    cpu, began = time.process_time(), time.perf_counter()
    for number in range(count - 1):
        bus.send([(QUEUE, _message(batch, number))])
    print(json.dumps({"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began}))
    bus.close()


def _message(batch: str, number: int) -> Message:
    event = TrainingSample(**sample(batch, number))
    envelope = Envelope(event.request_id, "/bench", event, utc_now(), extensions={"tenantid": TENANT})
    return Message(envelope.id, envelope.encode())


def main() -> None:
    """The command line."""
    verb, one, two = sys.argv[1:]
    if verb == "publish":
        _publish(one, int(two))
        return
    ensure_keys(settings().secrets)
    uvloop.run(_serve(Path(one), int(two)))


if __name__ == "__main__":
    main()
