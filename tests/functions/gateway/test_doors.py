"""The two doors for backends' events: the same rules at both, once through either, and no token behind them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from events.envelope import BATCH, STRUCTURED, Envelope, decode
from shared.auth.tokens import issue_access, service_token, verifier
from shared.bus.port import Message
from shared.runtime.app import build
from shared.runtime.buses import bus
from shared.runtime.load import find
from shared.store.database import Unit
from shared.store.orchestration import inbox, outbox
from tests.functions.gateway.samples import TOLD, WELCOME, told

pytestmark = pytest.mark.usefixtures("home")


def token(role: str = "TENANT_ADMIN", tenant: str = "demo", **more: Any) -> str:
    return issue_access(user_id=f"{role}-of-{tenant}", tenant=tenant, role=role, session_id="s", **more)


def publish(event: Any, by: str | None = None, content: str = STRUCTURED, **headers: str) -> Any:
    """`POST /events`, by somebody's token."""
    headers |= {"authorization": f"Bearer {by or token()}", "content-type": content}
    return TestClient(build(find("gateway-ingest"))).post("/events", content=json.dumps(event), headers=headers)


def hand_in(event: Any, by: str | None = None, content: str = STRUCTURED, **headers: str) -> Any:
    """What the bridge does with what it finds on the topic."""
    headers = {"authorization": f"Bearer {by or service_token(name='bridge')}", "content-type": content} | headers
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return TestClient(build(find("gateway-admit"))).post("/", content=body, headers=headers)


def gone_on() -> list[Envelope]:
    """The events that came in, in order."""
    unit = Unit("orchestration")
    try:
        return [decode(row.body) for row in unit.read().execute(select(outbox.c.body).order_by(outbox.c.seq))]
    finally:
        unit.close()


def kept() -> str:
    """All that the two tables of the door hold, as a text."""
    unit = Unit("orchestration")
    try:
        rows = [*unit.read().execute(select(outbox)), *unit.read().execute(select(inbox))]
        return "".join(value.decode() if isinstance(value, bytes) else str(value) for row in rows for value in row)
    finally:
        unit.close()


@pytest.mark.parametrize("name", sorted(WELCOME))
def test_each_of_the_21_comes_in_by_either_door_as_one(name: str) -> None:
    """The tenant and the actor are the token's; what came by the topic first is known at `POST /events`."""
    event = told(name)
    answer = hand_in(event | {"authtoken": token()})
    assert (answer.status_code, answer.content) == (204, b"")
    assert publish(event).status_code == 202
    (one,) = gone_on()
    assert (type(one.event), one.id, one.source, one.tenant) == (WELCOME[name], event["id"], "/backend", "demo")
    assert one.extensions["actorid"] == "TENANT_ADMIN-of-demo"
    assert one.to_dict()["data"] | TOLD[name] == one.to_dict()["data"]


def test_two_tenants_may_tell_of_the_same_id() -> None:
    for tenant in ("demo", "other"):
        assert hand_in(told("StockUpdated") | {"authtoken": token(tenant=tenant)}).status_code == 204
    assert {one.tenant for one in gone_on()} == {"demo", "other"}


def test_the_token_ends_at_the_door() -> None:
    """By whichever door it came, nothing of it is kept: not in what goes on, not in what is remembered."""
    secret = token()
    assert hand_in(told("PagePublished") | {"authtoken": secret}).status_code == 204
    assert publish(told("LeadCreated") | {"authtoken": secret}).status_code == 202
    headers = {f"ce-{key}": str(value) for key, value in told("StockUpdated", authtoken=secret).items()}
    headers.pop("ce-data")
    assert publish(TOLD["StockUpdated"], content="application/json", **headers).status_code == 202
    assert len(gone_on()) == 3
    assert not any("authtoken" in one.extensions for one in gone_on())
    assert secret not in kept()


BAD = {
    "no token": ({"authtoken": None}, 403, "authtoken: an event on this topic brings an access token"),
    "no token of ours": ({"authtoken": "a.b.c"}, 403, "authtoken: the access token is not valid"),
    "another tenant": ({"tenantid": "other"}, 403, "tenantid: the tenant is the token's; leave it out"),
    "not known": ({"type": "com.example.thing"}, 400, "type: the type 'com.example.thing' is not known here"),
    "ours": ({"source": "/bizosaas/x"}, 422, "source: /bizosaas/ is the platform's own"),
    "a reference": ({"dataref": "abc"}, 422, "dataref: send the data itself: a reference is not followed"),
    "a bad field": (
        {"data": TOLD["LeadConverted"] | {"value": "-1"}},
        422,
        "data.value: must be at least 0",
    ),
    "a bad free field": (
        {"data": TOLD["LeadConverted"] | {"attributes": {"vip_customer": "yes"}}},
        422,
        "data.attributes.vip_customer: must be true or false",
    ),
}


@pytest.mark.parametrize("why", sorted(BAD))
def test_what_is_refused_says_why_and_is_never_tried_again(why: str) -> None:
    """A refusal of an event is no 401: to the bridge that is about its own token, and a reason to come again."""
    changes, status, said = BAD[why]
    answer = hand_in(told("LeadConverted") | {"authtoken": token()} | changes)
    assert (answer.status_code, answer.json()["detail"]) == (status, said)
    assert not kept()


@pytest.mark.parametrize("name", ["TaskAssigned", "AgentCompleted", "HITLRequested"])
def test_what_the_platform_says_itself_is_not_taken(name: str) -> None:
    """Whoever could tell that a role completed could end any task."""
    data = {
        "TaskAssigned": {"task_id": "t", "task_type": "order", "role": "r", "queue": "auto_orders", "step": 0},
        "AgentCompleted": {
            **{"task_id": "t", "task_type": "order", "role": "r", "step": 0, "outcome": "paid"},
            **{"confidence": 1, "engine": "playbook"},
        },
        "HITLRequested": {
            **{"request_id": "q", "task_id": "t", "task_type": "order", "kind": "approval", "urgency": "low"},
            **{"expires_at": "2026-11-24T00:00:00Z"},
        },
    }[name]
    event = told("LeadCreated", type=f"bizosaas.orchestration.{name}.v1", data=data)
    for answer in (hand_in(event | {"authtoken": token()}), publish(event)):
        assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "type")
        assert "is said by the platform itself" in answer.json()["detail"]
    assert not kept()


@pytest.mark.parametrize("role", ["USER", "READONLY"])
def test_the_role_in_the_token_must_be_one_that_may_publish(role: str) -> None:
    answer = hand_in(told("LeadCreated") | {"authtoken": token(role)})
    assert answer.status_code == 403
    assert answer.json()["detail"] == f"authtoken: the role {role} lacks the permission events.publish"


def test_a_token_of_no_tenant_tells_of_nothing() -> None:
    answer = hand_in(told("LeadCreated") | {"authtoken": service_token(name="sync")})
    assert (answer.status_code, answer.json()["detail"]) == (403, "the token is of no tenant: an event belongs to one")


def test_only_the_platform_itself_hands_in_what_is_on_the_topic() -> None:
    """Else somebody could say when the broker took it, and use a token whose time is over."""
    answer = hand_in(told("LeadCreated") | {"authtoken": token()}, by=token("SUPER_ADMIN"))
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "the role SUPER_ADMIN lacks the permission events.deliver",
    )


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"rubbish", STRUCTURED),
        (b"", STRUCTURED),
        (b"[]", STRUCTURED),
        (b"[]", BATCH),
        (b"{}", "application/json"),
        (b'{"specversion":"1.0"}', STRUCTURED),
    ],
)
def test_what_is_no_structured_event_is_refused(body: bytes, content: str) -> None:
    assert hand_in(body, content=content).status_code == 400


def test_a_card_number_in_an_event_goes_no_further_and_is_told_to_those_who_work() -> None:
    """4111 1111 1111 1111 is a well-known test number; an order, a review, whatever it stands in."""
    text = {"text": "Charged 4111111111111111 twice", "business_id": "b-1", "review_id": "r-1", "rating": 1}
    assert hand_in(told("ReviewPosted", data=text) | {"authtoken": token()}).status_code == 204
    (one,) = gone_on()
    assert "4111111111111111" not in kept()
    assert one.to_dict()["data"]["masked"] == ["card in text"]


class TestTime:
    """A token is judged as of the moment at which the broker took the event."""

    @pytest.fixture(autouse=True)
    def later(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An hour from now: the tokens of now are over, but for the bridge's."""
        self.now = time.time()
        self.bridge = service_token(name="bridge", ttl=9000)
        monkeypatch.setattr(verifier(), "_clock", lambda: self.now + 3600)

    def ask(self, ttl: int, taken_at: float | None) -> Any:
        event = told("LeadCreated") | {"authtoken": token(ttl=ttl)}
        headers = {} if taken_at is None else {"x-accepted-at": repr(taken_at)}
        return hand_in(event, by=self.bridge, **headers)

    def test_what_waited_while_we_were_down_is_not_too_late(self) -> None:
        assert self.ask(900, self.now + 800).status_code == 204

    def test_what_came_too_late_stays_too_late(self) -> None:
        answer = self.ask(900, self.now + 906)  # 5 s of leeway
        assert (answer.status_code, answer.json()["detail"]) == (
            403,
            "authtoken: the access token has expired: refresh it or sign in again",
        )

    def test_where_nobody_says_when_it_is_judged_now(self) -> None:
        assert self.ask(900, None).status_code == 403


def test_without_the_keys_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no fault of the event's: it comes again."""
    from functions.gateway import admit
    from shared.errors import TryAgain

    def none_in_place(*_: object, **__: object) -> None:
        raise TryAgain("the keys are not in place")

    monkeypatch.setattr(admit, "verify", none_in_place)
    assert hand_in(told("LeadCreated") | {"authtoken": token()}).status_code == 503


class TestDeadLetters:
    """What was refused rests on the topic: for who runs the platform, and without its token."""

    def bury(self, **changes: Any) -> str:
        secret = token()
        event = told("LeadCreated") | {"tenantid": "demo", "authtoken": secret} | changes
        bus().send([], [("domain.incoming", Message("m", json.dumps(event).encode()))])
        (record,) = bus().read(["domain.incoming"], "gateway-admit", 1, 30)
        assert bus().skip("gateway-admit", record, "403: no")
        return secret

    def ask(self, role: str) -> Any:
        headers = {"authorization": f"Bearer {token(role)}"}
        path = "/queues/domain.incoming/dead?whole=true"
        return TestClient(build(find("queues-dead"))).get(path, headers=headers)

    def test_its_token_is_not_shown(self) -> None:
        secret = self.bury(AUTHTOKEN="x")
        shown = self.ask("SUPER_ADMIN")
        assert secret not in shown.text
        (letter,) = shown.json()["items"]
        assert letter["event"] == told("LeadCreated") | {"tenantid": "demo"}
        assert letter["reason"] == "403: no"

    def test_the_tenant_that_it_claims_does_not_see_it(self) -> None:
        """Whoever writes to the topic could fill a tenant's list."""
        self.bury()
        assert self.ask("TENANT_ADMIN").json()["items"] == []
