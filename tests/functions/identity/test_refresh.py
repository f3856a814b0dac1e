"""POST /auth/refresh."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from shared.auth import tokens
from shared.auth.users import Users
from shared.store.database import Unit

OVER = "the session is over: sign in again"


def test_a_refresh_gives_the_next_pair_for_the_same_session(house) -> None:
    """Same user, tenant and session; other tokens."""
    first = house.login().json()
    answer = house.refresh(first["refresh_token"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    second = answer.json()
    assert {**second, "access_token": 0, "refresh_token": 0} == {**first, "access_token": 0, "refresh_token": 0}
    assert second["refresh_token"] != first["refresh_token"]
    old, new = (tokens.verify(one["access_token"]) for one in (first, second))
    assert (old.session_id, old.user_id) == (new.session_id, new.user_id)
    assert old.token_id != new.token_id


def test_a_refresh_carries_the_role_of_that_moment(house) -> None:
    """An administrator changed the role: the next access token says so."""
    first = house.login().json()
    unit = Unit("identity")
    Users(unit).add_member(first["user"]["id"], "demo", "READONLY")
    unit.commit()
    second = house.refresh(first["refresh_token"]).json()
    assert second["role"] == tokens.verify(second["access_token"]).role == "READONLY"


def test_a_reused_token_ends_the_whole_family_and_is_recorded_once(house) -> None:
    """401 for the copy, 401 for the newest token, one AuditNoted in the tenant's record, without the token."""
    first = house.login().json()
    second = house.refresh(first["refresh_token"]).json()
    for token in (first["refresh_token"], second["refresh_token"], first["refresh_token"]):
        answer = house.refresh(token)
        assert answer.status_code == 401
        assert answer.json()["detail"] == OVER
    assert house.call("identity-me", token=second["access_token"]).status_code == 401
    _, *noted = house.said()
    assert [envelope.event.action for envelope in noted] == ["identity.refresh_reused"]
    assert noted[0].tenant == "demo"
    assert noted[0].event.target == tokens.verify(first["access_token"]).session_id
    assert noted[0].event.detail["user_id"] == first["user"]["id"]


def test_of_two_refreshes_at_once_exactly_one_wins(house) -> None:
    """One 200 and one 401; the same token came twice, so the session is over (no grace, `shared.auth.sessions`)."""
    token = house.login().json()["refresh_token"]
    house.refresh("x" * 43)  # the application is built
    barrier = threading.Barrier(2)
    answers = []

    def refresh() -> None:
        barrier.wait()
        answers.append(house.refresh(token))

    threads = [threading.Thread(target=refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert house.refresh(winner.json()["refresh_token"]).status_code == 401


@pytest.mark.parametrize("days", [7, 8])
def test_a_session_that_was_left_alone_is_over(house, days: int) -> None:
    """7 days without a refresh."""
    token = house.login().json()["refresh_token"]
    house.ahead += timedelta(days=days)
    assert house.refresh(token).status_code == 401


def test_a_disabled_user_goes_on_no_more(house) -> None:
    """From the next refresh on."""
    first = house.login().json()
    unit = Unit("identity")
    Users(unit).disable(first["user"]["id"])
    unit.commit()
    assert house.refresh(first["refresh_token"]).status_code == 401
    assert house.call("identity-me", token=first["access_token"]).status_code == 401


@pytest.mark.parametrize("token", ["x" * 43, "\u00e9", "\x00", "' OR 1=1 --"])
def test_a_made_up_token_is_401(house, token: str) -> None:
    """Unknown is the same as over, and nothing is recorded."""
    answer = house.refresh(token)
    assert answer.status_code == 401
    assert answer.json()["detail"] == OVER
    assert house.said() == []


def test_an_access_token_is_no_refresh_token(house) -> None:
    """Each has its own use."""
    body = house.login().json()
    assert house.call("identity-me", token=body["refresh_token"]).status_code == 401
    assert house.refresh(body["access_token"]).status_code == 422


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": "secret-" * 60}, [], "secret-"])
def test_a_bad_body_is_422_and_not_repeated(house, body: object) -> None:
    """The answer never holds what was sent."""
    answer = house.call("identity-refresh", body)
    assert answer.status_code == 422
    assert "secret-" not in answer.text


def test_a_failed_signature_leaves_the_token_unused(house, tmp_path) -> None:
    """503 without a signing key; with it the same refresh token works: nothing half-done."""
    token = house.login().json()["refresh_token"]
    key = tmp_path / "secrets" / "user-signing-key.pem"
    content = key.read_bytes()
    key.unlink()
    assert house.refresh(token).status_code == 503
    key.write_bytes(content)
    assert house.refresh(token).status_code == 200
