"""POST /auth/login."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.auth import passwords, tokens
from shared.auth.users import Users
from shared.store.database import Unit
from shared.store.identity import login_failures, metadata, outbox, sessions, users

WRONG = "wrong horse battery"


def scalar(query) -> object:
    unit = Unit("identity")
    try:
        return unit.read().execute(query).scalar_one()
    finally:
        unit.close()


def everything() -> bytes:
    """All rows of the identity database, as text."""
    unit = Unit("identity")
    try:
        return repr([unit.read().execute(select(table)).all() for table in metadata.sorted_tables]).encode()
    finally:
        unit.close()


def test_a_good_login_answers_tokens_user_tenant_and_role(house) -> None:
    """The access token says the same, for 15 minutes; the answer is not to be stored by anybody between."""
    answer = house.login()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "user", "tenant", "role"}
    assert (body["token_type"], body["expires_in"], body["tenant"], body["role"]) == ("Bearer", 900, "demo", "USER")
    assert body["user"] == {"id": body["user"]["id"], "email": "user@demo.example", "name": "Uma"}
    caller = tokens.verify(body["access_token"])
    assert (caller.user_id, caller.tenant, caller.role) == (body["user"]["id"], "demo", "USER")
    assert caller.session_id == scalar(select(sessions.c.id))


def test_a_login_is_a_fact_of_the_users_tenant(house) -> None:
    """UserLoggedIn with session, address and device, in the record of the tenant, by the user."""
    body = house.login().json()
    (envelope,) = house.said()
    assert envelope.type == "bizosaas.identity.UserLoggedIn.v1"
    assert (envelope.tenant, envelope.extensions["actorid"]) == ("demo", body["user"]["id"])
    event = envelope.event
    assert (event.user_id, event.session_id) == (body["user"]["id"], scalar(select(sessions.c.id)))
    assert (event.method, event.address, event.device) == ("password", "192.0.2.1", "Browser 1.0")


def test_the_tenant_is_the_first_one_joined_or_the_one_asked_for(house) -> None:
    """One user, two tenants, a role in each."""
    for asked, tenant, role in ((None, "demo", "READONLY"), ("other", "other", "TENANT_ADMIN")):
        body = house.login("BOTH@demo.example", **({"tenant": asked} if asked else {})).json()
        assert (body["tenant"], body["role"]) == (tenant, role)
        assert tokens.verify(body["access_token"]).tenant == tenant


@pytest.mark.parametrize("tenant", ["other", "nowhere"])
def test_a_foreign_tenant_looks_like_one_that_does_not_exist(house, tenant: str) -> None:
    """403 with the same words, and no session."""
    answer = house.login(tenant=tenant)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "you do not belong to this tenant"
    assert scalar(select(func.count()).select_from(sessions)) == 0


def test_unknown_user_disabled_user_and_wrong_password_look_alike(house, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answer after the same one argon2 computation."""
    unit = Unit("identity")
    people = Users(unit)
    people.disable(people.find_login("both@demo.example").user.id)
    unit.commit()
    work = []
    hasher = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", lambda cost: work.append(cost) or hasher(cost))
    answers, costs = [], []
    for email, password in (
        ("user@demo.example", WRONG),
        ("nobody@demo.example", WRONG),
        ("both@demo.example", "correct horse battery"),
    ):
        work.clear()
        answers.append(house.login(email, password))
        costs.append(len(work))
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["detail"] == "the e-mail or the password is wrong"
    assert costs == [1, 1, 1]


def test_a_failure_is_recorded_though_the_answer_is_an_error(house) -> None:
    """AuditNoted with the user's id in the user's tenant; for nobody without a tenant and without what was typed."""
    house.login(password=WRONG)
    house.login("hunter2hunter2@oops.example", WRONG)
    known, unknown = house.said()
    user_id = scalar(select(users.c.id).where(users.c.email == "user@demo.example"))
    assert (known.tenant, known.event.actor, known.event.action) == ("demo", "anonymous", "identity.login_failed")
    assert known.event.target == user_id
    assert known.event.detail == {"address": "192.0.2.1", "device": "Browser 1.0"}
    assert (unknown.tenant, unknown.event.target) == ("", "unknown account")
    assert scalar(select(func.count()).select_from(login_failures)) == 4


def test_failures_make_the_next_attempt_wait(house) -> None:
    """After five: 429 with Retry-After, for the right password too; a second later it is taken, then all is clear."""
    assert [house.login(password=WRONG).status_code for _ in range(5)] == [401] * 5
    answer = house.login()
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert house.login(address="192.0.2.9").status_code == 200
    said = len(house.said())
    assert house.login(password=WRONG).status_code == 429
    assert len(house.said()) == said  # a refused attempt is not one more failure, and writes nothing
    house.ahead += timedelta(seconds=1)
    assert house.login().status_code == 200
    assert [house.login(password=WRONG).status_code for _ in range(4)] == [401] * 4


def test_an_attempt_that_has_to_wait_costs_no_hash(house, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guesser who does not wait cannot keep the processor busy."""
    for _ in range(5):
        house.login(password=WRONG)
    work = []
    hasher = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", lambda cost: work.append(cost) or hasher(cost))
    assert house.login(password=WRONG).status_code == 429
    assert work == []


def test_an_unknown_account_waits_like_a_known_one(house) -> None:
    """Being throttled says nothing about having an account."""
    statuses = [house.login("nobody@demo.example", WRONG).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_guesses_at_the_same_time_are_counted_one_by_one(house) -> None:
    """Of ten wrong passwords at once five get an answer, the others have to wait; the record has five."""
    barrier = threading.Barrier(10)
    statuses: list[int] = []

    def guess() -> None:
        barrier.wait()
        statuses.append(house.login(password=WRONG).status_code)

    house.login("nobody@demo.example", WRONG)  # the application is built
    threads = [threading.Thread(target=guess) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [401] * 5 + [429] * 5
    assert len(house.said()) == 6


def test_a_hash_of_yesterdays_cost_is_renewed_by_a_login(house, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login succeeds, the stored hash has the new cost and still matches."""
    monkeypatch.setattr(passwords, "COST", passwords.Cost(passes=2, memory=8, lanes=1))
    assert house.login(password=WRONG).status_code == 401
    stored = select(users.c.password_hash).where(users.c.email == "user@demo.example")
    assert "t=1" in str(scalar(stored))
    assert house.login().status_code == 200
    assert "t=2" in str(scalar(stored))
    assert house.login().status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "a\x00@b"}, "email"),
        ({"email": 5}, "email"),
        ({"password": ""}, "password"),
        ({"password": "secret-" * 200}, "password"),
        ({"password": ["secret-"]}, "password"),
        ({"tenant": "De mo"}, "tenant"),
        ({"role": "SUPER_ADMIN"}, "role"),
    ],
)
def test_a_bad_body_is_422_naming_the_field_and_never_the_password(house, change: dict, field: str) -> None:
    """Unknown fields are refused too."""
    answer = house.call("identity-login", {"email": "user@demo.example", "password": "secret-password"} | change)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"].startswith(field)
    assert "secret-" not in answer.text


def test_no_secret_reaches_logs_events_or_database(house, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Everything logged at DEBUG, everything in the outbox, every byte of the home folder but the keys."""
    caplog.set_level(logging.DEBUG)
    body = house.login().json()
    house.login(password=WRONG)
    second = house.refresh(body["refresh_token"]).json()
    house.refresh(body["refresh_token"])
    house.call("identity-login", {"email": "user@demo.example", "password": "correct horse battery", "x": 1})
    secrets = [
        "correct horse battery",
        WRONG,
        body["access_token"],
        body["refresh_token"],
        second["access_token"],
        second["refresh_token"],
    ]
    seen = caplog.text.encode() + b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pem"
    )
    assert len(scalar(select(func.max(outbox.c.type)))) > 0
    seen += everything()
    for secret in secrets:
        assert secret.encode() not in seen


def test_no_signing_key_is_503_and_no_session(house, tmp_path: Path) -> None:
    """A secret that is not mounted: try again, nothing half-done."""
    (tmp_path / "secrets" / "user-signing-key.pem").unlink()
    answer = house.login()
    assert answer.status_code == 503
    assert scalar(select(func.count()).select_from(sessions)) == 0
    assert house.said() == []


def test_a_user_without_a_tenant_cannot_sign_in(house) -> None:
    """403: there is nothing to sign in to."""
    unit = Unit("identity")
    Users(unit).create_user("lone@demo.example", "Lo", passwords.hash_password("correct horse battery"))
    unit.commit()
    assert house.login("lone@demo.example").status_code == 403


def test_an_overlong_address_is_cut(house) -> None:
    """What a caller writes into headers is bounded before it is stored and sent."""
    assert house.login(address="y" * 5000).status_code == 200
    assert scalar(select(func.length(sessions.c.address))) == 100
    (envelope,) = house.said()
    assert len(envelope.event.address) == 100
