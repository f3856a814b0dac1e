"""Make a zygote fit to fork functions from that answer at once.

Every function's application is built, and one task goes through it as through the platform: submitted, judged,
recorded, looked at. What Python, pydantic, SQLAlchemy and SQLite make at the first use is then made once, in pages
that all functions share, and not at the first call of each.

It happens in a folder that is removed again. What is left is caches: no thread, no connection, no setting.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from starlette.types import Message, Scope

from events.envelope import decode
from events.jsontext import dumps
from events.topology import TOPICS
from functions.catalogue import AUTO_QUEUES, by_name, functions
from shared.agents.roles import role
from shared.agents.toolbox import tools_of
from shared.auth.keys import ensure_keys, public_keys
from shared.auth.tokens import Verifier, service_token
from shared.bus import open_bus
from shared.contract import Caller, FunctionSpec
from shared.runtime import buses, outbox
from shared.runtime.entry import prepare
from shared.runtime.process import process
from shared.runtime.transaction import Call
from shared.settings import CONTEXTS, settings
from shared.store.database import engine

log = logging.getLogger("warm")

TENANT = "warm"
CALLER = Caller("warm", TENANT, "TENANT_ADMIN")
PLATFORM = Caller("warm", "", "AGENT")
ADDRESS = {"name": "A B", "street": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
PAYMENT = {"id": "p", "psp_reference": "p", "captured": "10.00", "currency": "EUR", "method": "wallet", "active": True}
#: An order that its first two roles can work on; the third finds no stock to plan with, and stops.
ORDER = {
    "order_id": "o-1",
    "placed_at": "2026-01-01T00:00:00Z",
    "amount": "10.00",
    "currency": "EUR",
    "email": "a@example.org",
    "customer_id": "c-1",
    "device_id": "d-1",
    "customer_name": "A B",
    "shipping_address": ADDRESS,
    "billing_address": ADDRESS,
    "ip_country": "DE",
    "lines": [{"sku": "S", "quantity": 1, "unit_price_gross": "10.00", "tax_rate": "0.19", "total_gross": "10.00"}],
    "payments": [PAYMENT],
}
MOST_STEPS = 8
#: Nobody outside is asked: no model, no cache, no broker.
NOBODY = (
    "OPENAI_API_KEY",
    "BIZOSAAS_MODEL_BASE_URL",
    "BIZOSAAS_CACHE_URL",
    "BIZOSAAS_WORK_URL",
    "BIZOSAAS_FACTS_URL",
)
_THREADS_END_SECONDS = 2.0


def warm() -> None:
    """Build every function and let one task go through. What fails is logged: one broken function costs its own
    first call time, nothing else."""
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    for spec in functions():
        try:
            prepare(spec)
        except Exception:  # the boundary of a function: its own process will say what is wrong with it
            log.exception("%s cannot be built", spec.name)
    try:
        with throwaway() as folder:
            make_tables()
            _verify(folder)
            asyncio.run(_day())
    except Exception:  # as above: what is left undone is done by the first call
        log.exception("the zygote is warm in part only")
    _wait_for_threads()


@contextmanager
def throwaway() -> Iterator[Path]:
    """For a while this process's databases, bus and secrets are in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bizosaas-warm-") as folder, _moved_to(Path(folder)):
        yield Path(folder)


@contextmanager
def _moved_to(folder: Path) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ |= {"BIZOSAAS_BUS_URL": f"sqlite:///{folder}/bus.db"} | dict.fromkeys(NOBODY, "")
    os.environ["BIZOSAAS_SECRETS_DIR"] = str(folder)
    settings.cache_clear()
    try:
        for context in CONTEXTS:
            if engine(context).dialect.name != "sqlite":  # its driver is imported by now; its server is left alone
                os.environ[f"BIZOSAAS_{context.upper()}_DATABASE_URL"] = f"sqlite:///{folder}/{context}.db"
        settings.cache_clear()
        with ExitStack() as stack:
            for context in CONTEXTS:
                stack.enter_context(_redirected(engine(context), folder / f"{context}.db"))
            yield
            outbox.sent().note()
    finally:
        outbox.publisher().close()
        buses.bus().close()
        os.environ.clear()
        os.environ |= kept
        settings.cache_clear()


@contextmanager
def _redirected(engine: Engine, path: Path) -> Iterator[None]:
    def elsewhere(_dialect: Any, _record: Any, arguments: list[Any], _named: Any) -> None:
        arguments[0] = str(path)

    event.listen(engine, "do_connect", elsewhere)
    try:
        yield
    finally:
        event.remove(engine, "do_connect", elsewhere)
        engine.dispose()


def make_tables() -> None:
    """In the databases, which are empty."""
    for context in CONTEXTS:
        importlib.import_module(f"shared.store.{context}").metadata.create_all(engine(context))


def _verify(folder: Path) -> None:
    """One token made and verified, with keys that nobody else has."""
    ensure_keys(folder)
    Verifier(partial(public_keys, folder), settings().issuer).verify(service_token(name=TENANT))


async def _day() -> None:
    await request(by_name()["tasks-create"], {"type": "order", "data": ORDER})
    for spec in functions():
        if spec.route.startswith("GET ") and "{" not in spec.route and not spec.streams:
            await request(spec)
    await asyncio.to_thread(_work_and_record)


async def request(spec: FunctionSpec, body: Any = None) -> int:
    """Call a function's application, past the token; the answer's status."""
    method, _, path = spec.route.partition(" ")
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    app: Any = prepare(spec).loaded_app
    call = Call(spec, scope, CALLER, dumps(body).encode() if body else b"", "")
    answer: list[Message] = await call.run(app.app, app.translate_error)
    status: int = answer[0]["status"]
    return status


def _work_and_record() -> None:
    """The task by its roles, and the facts into the record, by the functions that do it."""
    agents = {spec.role: spec for spec in functions() if spec.role}
    for spec in agents.values():
        tools_of(role(spec.role))
    bus = open_bus(settings().bus_url)
    try:
        for _ in range(MOST_STEPS):
            for delivery in [one for queue in AUTO_QUEUES for one in bus.lease(queue, 1, 60)]:
                work = decode(delivery.message.body)
                process(agents[work.extensions["agentrole"]], [work], PLATFORM)
                bus.ack([delivery])
        records = bus.read(tuple(TOPICS), "warm", 100, 60)
    finally:
        bus.close()
    process(by_name()["audit-record"], [decode(record.message.body) for record in records], PLATFORM)


def _wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(_THREADS_END_SECONDS)
    until = time.monotonic() + _THREADS_END_SECONDS
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < until:
        time.sleep(0.001)  # a thread that has ended for Python may be a moment from ending for the kernel
