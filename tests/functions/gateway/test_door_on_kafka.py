"""The door for backends on a real Kafka: a plain producer writes to it, as a backend does, and the bridge reads it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from starlette.testclient import TestClient

from events.topology import INCOMING, Topology
from host.bridge import Bridge
from host.subscriptions import Subscription
from shared.auth.tokens import issue_access, service_token
from shared.bus.kafka import KafkaFacts, kafka_address
from shared.bus.kafka.topology import TopicSettings, apply
from shared.coordination.dead_letters import Letters, Wanted
from shared.errors import TryAgain
from shared.runtime.app import build
from shared.runtime.load import find
from tests.engines import kafka_servers
from tests.functions.gateway.samples import told
from tests.functions.gateway.test_doors import gone_on, kept, publish, token
from tests.shared.bus.engines.kafka import remove_namespace

pytestmark = [pytest.mark.usefixtures("home"), pytest.mark.stores("sqlite")]
DOOR = Topology({}, {INCOMING.name: INCOMING})
EVERYBODYS = Wanted(None)
ROOT = Path(__file__).resolve().parents[3]


class Answer:
    def __init__(self, response: Any) -> None:
        self.status, self.body = response.status_code, response.content
        self.headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]


class Backends:
    """A topic that backends write to, and the platform's side of it."""

    def __init__(self) -> None:
        from kafka import KafkaProducer

        self.address = kafka_address(f"kafka://{kafka_servers()}/test-{token_hex(4)}")
        apply(self.address, DOOR, TopicSettings(replication=1, in_sync=1))
        self.producer = KafkaProducer(bootstrap_servers=list(self.address.servers), acks="all")
        self.bus = KafkaFacts(self.address, DOOR)
        self.calls = 0

    def send(self, event: Any, content: bytes = b"application/cloudevents+json; charset=utf-8", **more: Any) -> None:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        headers = [("content-type", content)]
        self.producer.send(self.address.name(INCOMING.name), value=body, headers=headers, **more).get(20)

    def admit(self, until: Callable[[], bool]) -> None:
        """Run the bridge until something is so."""
        client = TestClient(build(find("gateway-admit")))

        async def call(_function: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Answer:
            self.calls += 1
            return Answer(await asyncio.to_thread(lambda: client.post("/", content=body, headers=dict(headers))))

        async def main() -> None:
            wanted = [Subscription("gateway-admit", (), (INCOMING.name,), 0, 8, 1, 60.0)]
            bus: Any = _FactsOnly(self.address, DOOR)
            bridge = Bridge(bus, bus.bells(), wanted, call, lambda: service_token(name="bridge"), queues={})
            bridge.start()
            try:
                deadline = time.monotonic() + 30
                while not until() and time.monotonic() < deadline:
                    await asyncio.sleep(0.02)  # a poll between two looks at a condition
                assert until()
            finally:
                await bridge.stop(5)

        asyncio.run(main())

    def all_read(self) -> bool:
        try:
            lag = self.bus.lag("gateway-admit")
        except TryAgain:  # a broker makes its topic of offsets when the first group comes
            return False
        return bool(lag) and not any(lag.values())

    def refused(self) -> list[str]:
        return [letter.reason for letter in self.bus.dead_letters(INCOMING.name, 50).items][::-1]


class _FactsOnly(KafkaFacts):
    """What the bridge asks of a bus for its queues, of which there are none here."""

    def ack(self, deliveries: Sequence[Any]) -> int:
        return len(deliveries)


@pytest.fixture
def backends() -> Iterator[Backends]:
    made = Backends()
    yield made
    made.producer.close()
    made.bus.close()
    for bell in made.bus.bells():
        bell.close()
    remove_namespace(made.address)


def test_what_backends_put_on_the_topic_comes_in_once(backends: Backends) -> None:
    """Sent twice on the topic and once over HTTP it is one event, of the tenant that the token names."""
    event = told("OrderPlaced")
    for _ in range(2):
        backends.send(event | {"authtoken": token()}, key=b"o-1")
    assert publish(event).status_code == 202
    backends.send(told("StockUpdated") | {"authtoken": token(tenant="other")})
    backends.admit(backends.all_read)
    assert sorted((one.tenant, type(one.event).__name__) for one in gone_on()) == [
        ("demo", "OrderPlaced"),
        ("other", "StockUpdated"),
    ]
    assert backends.refused() == []
    assert "authtoken" not in kept()


def test_what_is_refused_rests_with_the_reason_and_stops_nobody(backends: Backends) -> None:
    """Rubbish, a forged token, a header that would be a line of a request: each dies alone, in one partition with a
    good event behind them. No dead letter shows a token."""
    good, own = told("LeadCreated") | {"authtoken": token()}, token("READONLY")
    backends.send(b"rubbish", partition=0)
    backends.send(good | {"authtoken": "a.b.c"}, partition=0)
    backends.send(told("LeadCreated"), partition=0)
    backends.send(told("LeadCreated") | {"authtoken": own}, partition=0)
    backends.send(good, content=b"application/cloudevents+json\r\nx-accepted-at: 0", partition=0)
    backends.send(good, content=b"application/json", partition=0)
    backends.send(b"", partition=0)
    backends.send(good, partition=0)
    backends.admit(backends.all_read)
    assert backends.calls == 7, "the one that is no request was not sent"
    assert [reason.split(":")[0] for reason in backends.refused()] == ["400", "403", "403", "403", "400", "400", "400"]
    assert "authtoken: the role READONLY lacks the permission events.publish" in backends.refused()[3]
    (one,) = gone_on()
    assert one.id == "LeadCreated-1"
    letters = Letters(backends.bus, INCOMING.name).page(EVERYBODYS, None, 50).items
    assert not [letter for letter in letters if own in str(letter.event) or own in letter.dead.reason]


def test_only_the_broker_says_when_it_took_an_event(backends: Backends) -> None:
    """A backend that writes an old time to an event does not make a token good whose time is over."""
    over = issue_access(user_id="u", tenant="demo", role="TENANT_ADMIN", session_id="s", ttl=-60)
    backends.send(told("LeadCreated") | {"authtoken": over}, timestamp_ms=int((time.time() - 3600) * 1000))
    backends.admit(backends.all_read)
    (reason,) = backends.refused()
    assert reason == "403: authtoken: the access token has expired: refresh it or sign in again"
    assert not gone_on()


def test_what_waited_while_the_platform_was_down_comes_in(backends: Backends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken by the broker in time, read an hour later."""
    from shared.auth.tokens import verifier

    backends.send(told("LeadCreated") | {"authtoken": token()})
    bridge = service_token(name="bridge", ttl=9000)
    monkeypatch.setattr("tests.functions.gateway.test_door_on_kafka.service_token", lambda **_: bridge)
    now = time.time()
    monkeypatch.setattr(verifier(), "_clock", lambda: now + 3600)
    backends.admit(backends.all_read)
    assert backends.refused() == []
    assert len(gone_on()) == 1


def test_the_page_for_developers_is_true(backends: Backends, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program, as it stands there, but for the topic's name."""
    page = (ROOT / "docs" / "publishing.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    monkeypatch.setenv("BROKERS", kafka_servers())
    monkeypatch.setenv("TOKEN", token())
    exec(program.replace("domain.incoming", backends.address.name(INCOMING.name)), {})
    backends.admit(backends.all_read)
    assert [(one.tenant, one.id) for one in gone_on()] == [("demo", "order-1042-placed")]
