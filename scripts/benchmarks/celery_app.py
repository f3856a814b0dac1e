"""Celery's side: the same work as tasks, acknowledged after they ran, with their results in PostgreSQL.

    celery -A scripts.benchmarks.celery_app worker
    python -m scripts.benchmarks.celery_app publish BATCH COUNT     sends COUNT tasks, waits for each one's confirm
    python -m scripts.benchmarks.celery_app orders ORDERS           takes orders (JSON), a chain of four tasks each
    python -m scripts.benchmarks.celery_app token                   a token for `celery_door`, where they come over HTTP

BENCH_BROKER is the broker's address, BENCH_PREFETCH what Celery calls the prefetch multiplier, BENCH_ROOM the queue;
the databases are those of the platform's settings, and results stand in that of orchestration.
"""

from __future__ import annotations

import json
import os
import sys
import time
from decimal import Decimal
from functools import cache
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
from celery import Celery, chain
from sqlalchemy import Engine, create_engine

from scripts.benchmarks.order_steps import CHAIN, Care, take, work
from scripts.benchmarks.samples import TENANT, keep, sample
from shared.auth.keys import ensure_keys
from shared.auth.tokens import service_token
from shared.settings import settings

DATABASE = settings().databases["orchestration"]
QUEUE = os.environ["BENCH_ROOM"]

app = Celery("bench", broker=os.environ["BENCH_BROKER"], backend=f"db+{DATABASE}")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=int(os.environ["BENCH_PREFETCH"]),
    task_default_queue=QUEUE,
    task_default_queue_type="quorum",
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)


@cache
def _engine(_process: int) -> Engine:
    return create_engine(DATABASE)


@app.task(name="learn")  # type: ignore[untyped-decorator]  # Celery has no types
def learn(what: dict[str, Any]) -> str:
    """Keep a sample."""
    with _engine(os.getpid()).begin() as connection:
        keep(connection, what)
    return str(what["request_id"])


def _publish(batch: str, count: int) -> None:
    learn.delay(sample(batch, -1))  # the connection is made
    cpu, began = time.process_time(), time.perf_counter()
    for number in range(count - 1):
        learn.delay(sample(batch, number))
    print(json.dumps({"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began}))


@app.task(name="step")  # type: ignore[untyped-decorator]  # Celery has no types
def step(task_id: str, number: int, care: str) -> int:
    """A role's step of a task."""
    work(task_id, number, Care(care))
    return number


def start(task_id: str, care: Care) -> None:
    """Send a task on its way through its roles."""
    chain(*(step.si(task_id, number, care.value) for number in range(len(CHAIN)))).apply_async()


def _orders(orders: list[dict[str, Any]]) -> None:
    """Take them, and send each on its way."""
    starting = time.time() - psutil.Process().create_time()
    cpu = time.process_time()
    ids = []
    for order in orders:
        ids.append(take(order, Care.NONE))
        start(ids[-1], Care.NONE)
    print(json.dumps({"cpu": time.process_time() - cpu, "starting": starting, "ids": ids}))


def _token() -> None:
    ensure_keys(settings().secrets)
    print(json.dumps(service_token(TENANT, "bench")))


def main() -> None:
    """The command line."""
    verb, *words = sys.argv[1:]
    if verb == "publish":
        _publish(words[0], int(words[1]))
    elif verb == "token":
        _token()
    else:
        _orders(json.loads(words[0], parse_float=Decimal))


if __name__ == "__main__":
    main()
