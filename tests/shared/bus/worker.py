"""A user of the bus in a process of its own: `worker.py ENGINE ADDRESS COMMAND ...`. It waits for a line to start."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from shared.bus.port import Bus, Message
from shared.errors import TryAgain

BATCH = 200
BODY = b"x" * 2000


def say(word: object) -> None:
    print(word, flush=True)


def wait_for_go() -> None:
    say("waiting")
    sys.stdin.readline()


def consume(bus: Bus, queue: str) -> None:
    """Lease by threes until nothing is left, say each id, acknowledge."""
    wait_for_go()
    while bus.depth(queue).ready:
        deliveries = bus.lease(queue, 3, 60)
        for delivery in deliveries:
            say(delivery.message.id)
        bus.ack(deliveries)


def hold(bus: Bus, queue: str) -> None:
    """Lease one for half a minute, say its id, and hang."""
    while not (deliveries := bus.lease(queue, 1, 30)):
        time.sleep(0.01)
    say(deliveries[0].message.id)
    sys.stdin.readline()


def publish(bus: Bus) -> None:
    """Send batches over two queues and a topic for ever, saying each number once it is confirmed."""
    wait_for_go()
    number = 0
    while True:
        batch = [Message(f"{number}-{place}", BODY, key=str(place)) for place in range(BATCH)]
        work = [("auto_orders" if int(message.key) % 2 else "auto_seo", message) for message in batch]
        bus.send(work, [("domain.orders", message) for message in batch])
        say(number)
        number += 1


def send(bus: Bus, name: str) -> None:
    """Send one message."""
    wait_for_go()
    bus.send([("auto_seo", Message(name, b""))])


def fill(bus: Bus, folder: str) -> None:
    """Send batches until the disk is full; then say what is there before and after room is made."""
    ballast = Path(folder) / "ballast"
    ballast.write_bytes(bytes(200_000))
    sent = 0
    error = ""
    while not error:
        try:
            bus.send([("auto_orders", Message(f"{sent}-{place}", BODY)) for place in range(10)])
            sent += 1
        except TryAgain as refusal:
            error = refusal.detail
    ballast.unlink()
    kept = bus.depth("auto_orders").ready
    bus.send([("auto_orders", Message("after", BODY))])
    say(json.dumps({"sent": sent, "kept": kept, "error": error, "after": bus.depth("auto_orders").ready}))


def fork(bus: Bus) -> None:
    """Send, fork with the connection open, let the parent close first and the child go on sending."""
    bus.send([("auto_seo", Message("before", b""))])
    parent_closed, closed = os.pipe()
    child = os.fork()
    if child == 0:
        bus.send([("auto_seo", Message("child", b""))])
        os.close(closed)
        os.read(parent_closed, 1)  # ends when the parent's side is closed
        bus.send([("auto_seo", Message("child, alone", b""))])
        os._exit(0)
    bus.send([("auto_seo", Message("parent", b""))])
    bus.close()
    os.close(closed)
    os.waitpid(child, 0)
    say("done")


def main() -> None:
    engine, address, command, *arguments = sys.argv[1:]
    commands = {"consume": consume, "hold": hold, "publish": publish, "send": send, "fill": fill, "fork": fork}
    bus = import_module(f"tests.shared.bus.engines.{engine}").join(address)
    commands[command](bus, *arguments)
    bus.close()


main()
