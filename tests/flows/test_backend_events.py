"""What backends tell: all that they may tell of, by both doors, and what becomes of it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from typing import Any

import pytest

from events.envelope import BATCH
from shared.bus.port import Message
from tests.flows.counting import count, facts
from tests.flows.platform import PASSWORD, ROOT, Platform, wait_for
from tests.flows.samples import order
from tests.flows.test_orders import placed, publish, task_of
from tests.functions.gateway.samples import WELCOME, told

pytestmark = pytest.mark.flow


def put_on_the_topic(shop: Platform, event: Any, key: str = "") -> None:
    """As a backend with a connection to the bus does it."""
    with shop.bus() as bus:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        bus.send([], [("domain.incoming", Message(secrets.token_hex(8), body, key=key))])


def on_record(shop: Platform, event_id: str) -> int:
    """How often an event stands in the record."""
    ((times,),) = shop.rows("audit", "SELECT count(*) FROM record WHERE event_id = ?", event_id)
    return int(times)


def dead(shop: Platform) -> list[str]:
    """Why what rests on the topics of the domain rests there."""
    with shop.bus() as bus:
        topics = {event.TOPIC for event in WELCOME.values()} | {"domain.incoming"}
        return [letter.reason for topic in topics for letter in bus.dead_letters(topic, 500).items]


def test_every_event_of_the_backends_is_taken_and_stands_on_record(shop: Platform) -> None:
    """All 21 in one batch: an unpaid order is worked on, its payment lets it go on, the rest start what their roles'
    files say. Each is on record once, and nothing dies."""
    before = dead(shop)
    number = secrets.token_hex(4)
    unpaid = order(payments=[])
    paid = order()["payments"]
    events = [told(name, id=f"{name}-{number}") for name in WELCOME if name not in ("OrderPlaced", "PaymentProcessed")]
    events.append(placed(unpaid, id=f"OrderPlaced-{number}"))
    answer = publish(shop, events, BATCH)
    assert answer.status_code == 202, answer.text
    assert [entry["status"] for entry in answer.json()["events"]] == [202] * 20
    first = task_of(shop, unpaid["order_id"])
    payment: dict[str, Any] = {"order_id": unpaid["order_id"], "payment_id": "p", "amount": unpaid["amount"]}
    payment |= {"currency": "EUR", "status": "captured", "payments": paid}
    assert publish(shop, told("PaymentProcessed", id=f"PaymentProcessed-{number}", data=payment)).status_code == 202
    second = task_of(shop, unpaid["order_id"], 1)
    assert second["status"] == "completed", second["reasons"]
    count(shop, [first["id"], second["id"]])
    assert {name: on_record(shop, f"{name}-{number}") for name in WELCOME} == dict.fromkeys(WELCOME, 1)
    assert dead(shop) == before


@pytest.mark.parametrize("name", ["TaskAssigned", "AgentCompleted", "HITLRequested"])
def test_what_the_brain_says_is_said_by_the_brain(shop: Platform, name: str) -> None:
    """From outside it is refused; inside it stands on record of every task that went through."""
    answer = publish(shop, told("LeadCreated", type=f"bizosaas.orchestration.{name}.v1", data={}))
    assert answer.status_code in (400, 422)
    big = shop.submit("order", order(amount="5000.01"))
    shop.request_of(big["id"])
    shop.task(shop.submit("order", order())["id"], "completed")
    assert name in {type(event).__name__ for *_, event in facts(shop)}


def test_an_order_on_the_topic_is_an_order(shop: Platform) -> None:
    """By the topic, twice, and over HTTP: one task, of the tenant that the token names. The token is nowhere."""
    data = order()
    event, token = placed(data), shop.token()
    for _ in range(2):
        put_on_the_topic(shop, event | {"authtoken": token}, key=data["order_id"])
    done = task_of(shop, data["order_id"])
    assert done["status"] == "completed", done["reasons"]
    assert publish(shop, event).status_code == 202
    count(shop, [done["id"]])
    assert on_record(shop, event["id"]) == 1
    assert len(shop.rows("orchestration", "SELECT id FROM tasks WHERE instr(data, ?)", data["order_id"])) == 1
    for database in ("audit.db", "orchestration.db", "identity.db"):
        for path in shop.home.glob(f"{database}*"):
            assert token.encode() not in path.read_bytes(), path
    assert not [line for line in shop.lines if token in json.dumps(line)]
    assert not [line for line in shop.errors if token in line]


def test_what_is_refused_on_the_topic_rests_for_the_operator_without_its_token(shop: Platform) -> None:
    """The reason says which rule it broke; the tenant that it claims to be of does not see it; what is behind it
    comes in."""
    token = shop.token()
    key, number = secrets.token_hex(4), secrets.token_hex(4)
    put_on_the_topic(shop, told("LeadCreated", id=f"bad-{number}", tenantid="other", authtoken=token), key)
    put_on_the_topic(shop, told("LeadCreated", id=f"good-{number}", authtoken=token), key)
    wait_for(lambda: on_record(shop, f"good-{number}"), "the event behind it")
    assert shop.get("/queues/domain.incoming/dead?whole=true")["items"] == []
    with shop.bus() as bus:
        (letter,) = [
            one for one in bus.dead_letters("domain.incoming", 500).items if number.encode() in one.message.body
        ]
    assert letter.reason == "403: tenantid: the tenant is the token's; leave it out"
    assert (letter.group, on_record(shop, f"bad-{number}")) == ("gateway-admit", 0)
    assert not [line for line in shop.lines if token in json.dumps(line)]


def test_the_page_for_developers_is_true(shop: Platform) -> None:
    """Its commands, as they stand there: three content modes, four events, all of them taken."""
    page = (ROOT / "docs" / "publishing.md").read_text()
    commands = page.split("```sh\n")[1].split("```")[0]
    environment = {"URL": str(shop.client.base_url), "PASSWORD": PASSWORD, "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-eu", "-c", commands], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = [entry for text in done.stdout.replace("}{", "}\n{").splitlines() for entry in json.loads(text)["events"]]
    assert [(entry["id"], entry["status"]) for entry in told] == [
        *[("lead-81", 202), ("stock-7", 202)],
        *[("page-1", 202), ("review-1", 202)],
    ]
    wait_for(lambda: on_record(shop, "lead-81"), "the lead on record")
