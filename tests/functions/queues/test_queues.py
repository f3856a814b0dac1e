"""The queues room: who sees which dead letter, who may act on it, and that nothing is done without a note."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from events.envelope import Envelope, decode
from events.work import ApprovalWork
from shared.auth.tokens import issue_access
from shared.bus.port import Message
from shared.errors import Invalid, TryAgain
from shared.runtime import notes as record_first
from shared.runtime.app import build
from shared.runtime.buses import bus
from shared.runtime.clock import utc_now
from shared.runtime.load import find
from shared.store.database import Unit, engine
from shared.store.orchestration import outbox

QUEUE = "hitl_approval"
pytestmark = pytest.mark.usefixtures("home")


def call(function: str, body: Any = None, *, role: str = "TENANT_ADMIN", tenant: str = "demo", **query: Any) -> Any:
    """A function's answer to somebody of a tenant, for the queue."""
    spec = find(function)
    token = issue_access(user_id=f"{role}-of-{tenant}", tenant=tenant, role=role, session_id="s")
    method, _, path = spec.route.partition(" ")
    client = TestClient(build(spec), raise_server_exceptions=False)
    headers = {"authorization": f"Bearer {token}"}
    origin = query.pop("origin", QUEUE)
    return client.request(method, path.replace("{origin}", origin), json=body, params=query, headers=headers)


def bury(name: str, tenant: str = "demo", reason: str = "404: no task", raw: bytes | None = None) -> str:
    """Let a message die; its dead letter's id."""
    event = ApprovalWork(task_id=name, step=0)
    whole = Envelope(id=name, source="/test", event=event, time=utc_now(), extensions={"tenantid": tenant})
    bus().send([(QUEUE, Message(id=name, body=whole.encode() if raw is None else raw))])
    (delivery,) = bus().lease(QUEUE, 1, 30)
    assert bus().bury(delivery, reason)
    return bus().dead_letters(QUEUE, 1).items[0].id


def messages(answer: Any) -> list[str]:
    """The messages of a page."""
    assert answer.status_code == 200, answer.text
    return [item["message_id"] for item in answer.json()["items"]]


def noted() -> list[tuple[str, str, str, str, str]]:
    """(tenant, who, what, which message, why) of each note, in order."""
    unit = Unit("orchestration")
    try:
        rows = [decode(row.body) for row in unit.read().execute(select(outbox.c.body).order_by(outbox.c.seq))]
    finally:
        unit.close()
    notes: list[tuple[str, Any]] = [(one.tenant, one.event) for one in rows]
    return [(tenant, note.actor, note.action, note.target, note.why) for tenant, note in notes]


# --- looking ------------------------------------------------------------------------------------------


def test_a_tenant_sees_its_own_and_who_runs_the_platform_sees_all() -> None:
    bury("mine")
    bury("theirs", "other")
    bury("nobodys", raw=b"\xff not an event")
    assert messages(call("queues-dead")) == ["mine"]
    assert messages(call("queues-dead", tenant="other")) == ["theirs"]
    assert messages(call("queues-dead", role="SUPER_ADMIN")) == ["nobodys", "theirs", "mine"]


def test_a_letter_says_why_how_long_ago_and_after_how_many_attempts() -> None:
    bury("mine")
    (letter,) = call("queues-dead", whole="true").json()["items"]
    assert (letter["reason"], letter["attempts"], letter["origin"]) == ("404: no task", 1, QUEUE)
    assert (letter["type"], letter["tenant"]) == ("bizosaas.work.ApprovalWork.v1", "demo")
    assert 0 <= letter["age_seconds"] < 60
    assert letter["event"]["data"]["task_id"] == "mine"
    assert call("queues-dead").json()["items"][0]["event"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"type": "ApprovalWork"}, ["b", "a"]),
        ({"type": "bizosaas.work.ApprovalWork.v1"}, ["b", "a"]),
        ({"type": "Approval"}, []),
        ({"reason": "NO TASK"}, ["a"]),
        ({"reason": "expired"}, ["b"]),
        ({"older_than": 3600}, []),
    ],
)
def test_letters_are_found_by_type_reason_and_age(query: dict[str, Any], found: list[str]) -> None:
    bury("a")
    bury("b", reason="expired")
    assert messages(call("queues-dead", **query)) == found


def test_pages_hold_what_is_wanted_and_together_all_of_it() -> None:
    """Among others' letters, page by page: each once, the newest first, never more than the limit."""
    for number in range(12):
        bury(f"m{number}", "demo" if number % 3 == 0 else "other")
    found, cursor = [], ""
    while cursor is not None:
        page = call("queues-dead", limit=2, cursor=cursor).json()
        assert len(page["items"]) <= 2
        found += [item["message_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert found == ["m9", "m6", "m3", "m0"]


@pytest.mark.parametrize("cursor", ["abc", "²", "9" * 300, "-1"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    answer = call("queues-dead", cursor=cursor)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "cursor")


def test_an_unknown_queue_is_named() -> None:
    answer = call("queues-dead", origin="auto_nothing")
    assert (answer.status_code, answer.json()["detail"]) == (422, "origin: 'auto_nothing' is not in the topology")


def test_counts_over_all_tenants_are_for_who_runs_the_platform() -> None:
    bury("mine")
    bury("theirs", "other")
    bus().send([(QUEUE, Message(id="waits", body=b"{}"))])
    listed = {item["name"]: item for item in call("queues-list").json()["items"]}
    assert len(listed) == 11 + 17 + 1  # with the door for backends
    assert (listed[QUEUE]["dead"], listed[QUEUE]["ready"]) == (1, None)
    whole = {item["name"]: item for item in call("queues-list", role="SUPER_ADMIN").json()["items"]}
    assert (whole[QUEUE]["dead"], whole[QUEUE]["ready"], whole[QUEUE]["under_way"]) == (2, 1, 0)
    assert call("operations-status").json()["dead_letters"] == 1
    assert call("operations-status").json()["backlog"] is None
    told = call("operations-status", role="SUPER_ADMIN").json()
    assert (told["dead_letters"], told["backlog"]["ready"]) == (2, 1)


@pytest.mark.parametrize("role", ["USER", "READONLY"])
@pytest.mark.parametrize("function", ["queues-list", "queues-dead", "queues-replay", "queues-discard"])
def test_nobody_else_sees_or_touches_them(role: str, function: str) -> None:
    one = bury("mine")
    body = {"ids": [one], "why": "x"} if function in ("queues-replay", "queues-discard") else None
    assert call(function, body, role=role).status_code == 403
    assert bus().depth(QUEUE).dead == 1
    assert noted() == []


# --- acting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "ready"), [("replay", 1), ("discard", 0)])
def test_an_act_is_done_and_noted_with_who_what_and_why(verb: str, ready: int) -> None:
    one = bury("mine")
    answer = call(f"queues-{verb}", {"ids": [one], "why": "it was a test"})
    assert answer.json()["items"] == [{"id": one, "message_id": "mine", "outcome": "done", "detail": ""}]
    depth = bus().depth(QUEUE)
    assert (depth.ready, depth.dead) == (ready, 0)
    assert noted() == [("demo", "TENANT_ADMIN-of-demo", f"dead letter {verb}", "mine", "it was a test")]


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_another_tenant_s_letter_is_not_found_and_stays(verb: str) -> None:
    """Exactly as one that is not there: the answer does not even tell that it is."""
    theirs = bury("theirs", "other")
    foreign, absent = (call(f"queues-{verb}", {"ids": [one], "why": "x"}) for one in (theirs, "4711"))
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()
    assert bus().depth(QUEUE).dead == 1
    assert noted() == []


def test_who_runs_the_platform_acts_for_all_and_each_tenant_has_it_on_record() -> None:
    ids = [bury("mine"), bury("theirs", "other"), bury("nobodys", raw=b"?")]
    assert call("queues-discard", {"ids": ids, "why": "x"}, role="SUPER_ADMIN").status_code == 200
    assert [(tenant, target) for tenant, _, _, target, _ in noted()] == [
        ("demo", "mine"), ("other", "theirs"), ("", "nobodys"),
    ]  # fmt: skip


def test_of_several_each_answers_for_itself() -> None:
    mine, theirs = bury("mine"), bury("theirs", "other")
    answer = call("queues-replay", {"ids": [theirs, mine, "4711"], "why": "x"})
    assert [item["outcome"] for item in answer.json()["items"]] == ["not_found", "done", "not_found"]


def test_a_wrong_hint_where_they_are_does_no_harm() -> None:
    """The cursor only saves looking: what is not behind it is found all the same."""
    old, new = bury("old"), bury("new")
    assert call("queues-discard", {"ids": [new, old], "why": "x", "cursor": new}).status_code == 200
    assert bus().depth(QUEUE).dead == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [], "why": "x"}, "ids"),
        ({"ids": ["1"], "why": ""}, "why"),
        ({"ids": ["1"]}, "why"),
        ({"ids": ["1", "1"], "why": "x"}, "ids"),
        ({"ids": ["1"] * 101, "why": "x"}, "ids"),
        ({"ids": ["1"], "why": "x", "reviewer": "me"}, "reviewer"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(body: dict[str, Any], field: str) -> None:
    answer = call("queues-discard", body)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, field)


def test_a_card_number_in_the_reason_does_not_go_on_record() -> None:
    one = bury("mine")
    call("queues-discard", {"ids": [one], "why": "paid by 4111 1111 1111 1111 already"})
    assert "4111 1111" not in noted()[0][4]


# --- never without a note -----------------------------------------------------------------------------


def test_without_a_note_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot take the note: 503, and the letter is still there."""
    one = bury("mine")

    def full(*_: object) -> None:
        raise TryAgain("the database cannot take this now; nothing was changed")

    monkeypatch.setattr(record_first.outbox, "write", full)
    assert call("queues-discard", {"ids": [one], "why": "x"}).status_code == 503
    assert bus().depth(QUEUE).dead == 1


def test_a_crash_in_the_act_leaves_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """The note is committed before: whoever dies in between has said what they were about to do."""
    one = bury("mine")

    def crash(_: object, dead_id: str) -> None:
        raise SystemError(dead_id)

    monkeypatch.setattr(type(bus()), "discard", crash)
    assert call("queues-discard", {"ids": [one], "why": "x"}).status_code == 500
    assert [(action, target) for _, _, action, target, _ in noted()] == [("dead letter discard", "mine")]


def test_when_the_bus_cannot_go_on_the_rest_is_left_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not done is not done, for each a second note says so."""
    ids = [bury(name) for name in ("a", "b", "c")]
    real = type(bus()).replay
    calls: list[str] = []

    def second_fails(self: Any, dead_id: str) -> Any:
        calls.append(dead_id)
        if len(calls) == 2:
            raise TryAgain("the bus is away")
        return real(self, dead_id)

    monkeypatch.setattr(type(bus()), "replay", second_fails)
    items = call("queues-replay", {"ids": ids, "why": "again"}).json()["items"]
    assert [item["outcome"] for item in items] == ["done", "not_done", "not_done"]
    assert items[2]["detail"] == "the bus is away"
    assert calls == ids[:2]
    assert [(action, target) for _, _, action, target, _ in noted()][3:] == [
        ("dead letter replay not done", "b"),
        ("dead letter replay not done", "c"),
    ]


def test_one_that_cannot_be_done_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [bury(name) for name in ("a", "b")]
    real = type(bus()).replay

    def refuses_a(self: Any, dead_id: str) -> Any:
        if dead_id == ids[0]:
            raise Invalid.field("origin", "is not in the topology any more")
        return real(self, dead_id)

    monkeypatch.setattr(type(bus()), "replay", refuses_a)
    items = call("queues-replay", {"ids": ids, "why": "again"}).json()["items"]
    assert [item["outcome"] for item in items] == ["not_done", "done"]


def test_the_note_s_id_is_its_own() -> None:
    """Two acts on letters of one message are two facts."""
    one, two = bury("same"), bury("same")
    assert one != two
    assert call("queues-discard", {"ids": [one, two], "why": "x"}).status_code == 200
    with engine("orchestration").connect() as connection:
        assert len({row.id for row in connection.execute(select(outbox.c.id))}) == 2
