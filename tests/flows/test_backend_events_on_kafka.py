"""A backend that publishes on a real Kafka, whatever happens to the platform meanwhile."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.trial.engines import Engines
from tests.engines import kafka_servers, rabbitmq_url
from tests.flows.counting import count
from tests.flows.platform import Platform, wait_for
from tests.flows.samples import order
from tests.flows.stacks import light_stack
from tests.flows.test_orders import placed

pytestmark = pytest.mark.flow
TOPIC = "domain.incoming"


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    """Brokers of its own; skipped where the shared ones are not up, for then nothing is installed."""
    kafka_servers()
    rabbitmq_url()
    with Engines(tmp_path / "engines", ("rabbitmq", "kafka")) as made:
        yield made


def send(engines: Engines, *events: dict[str, Any]) -> None:
    """As a program that knows of Kafka only."""
    from kafka import KafkaProducer

    servers = engines.environment()["BIZOSAAS_FACTS_URL"].removeprefix("kafka://")
    producer = KafkaProducer(bootstrap_servers=servers, acks="all", max_request_size=8 * 1024 * 1024)
    headers = [("content-type", b"application/cloudevents+json")]
    for event in events:
        producer.send(TOPIC, json.dumps(event).encode(), headers=headers, partition=0).get(30)
    producer.close()


def test_what_was_told_while_the_platform_was_down_is_done(engines: Engines, tmp_path: Path) -> None:
    """Orders told while nobody reads, and again when somebody does, behind a forged one and one that is too large, in
    one partition and read by a bridge of its own: each order is done once, each refusal says why, and all adds up."""
    platform = Platform(tmp_path / "home", light_stack(tmp_path), **engines.environment())
    try:
        token = platform.start("--bridges", "1").token()
        platform.stop(signal.SIGTERM)
        orders = [order() for _ in range(3)]
        told = [placed(data) | {"authtoken": token} for data in orders]
        large = placed(orders[0], id="large", authtoken=token)
        large["data"] = {**large["data"], "order": {"note": "x" * 4_400_000}}
        send(engines, placed(orders[0], id="forged", authtoken=f"{token[:-4]}AAAA"), large, *told)
        platform.start("--bridges", "1")
        send(engines, *told)
        tasks = [_task_of(platform, data["order_id"]) for data in orders]
        with platform.bus() as bus:
            letters = wait_for(lambda: _two(bus.dead_letters(TOPIC, 10).items), "both refusals")
        count(platform, tasks)
        assert sorted(letter.reason.split(":")[0] for letter in letters) == ["403", "413"]
        stored = platform.rows("orchestration", "SELECT count(*) FROM tasks")
        assert stored == [(3,)]
    finally:
        platform.close()


def _two(letters: Any) -> Any:
    return letters if len(letters) == 2 else None


def _task_of(platform: Platform, order_id: str) -> str:
    query = "SELECT id FROM tasks WHERE json_extract(data, '$.order_id') = ?"
    ((task_id,),) = wait_for(lambda: platform.rows("orchestration", query, order_id), f"the task of {order_id}")
    return str(platform.task(task_id, "completed")["id"])
