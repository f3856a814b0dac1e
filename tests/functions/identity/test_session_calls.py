"""GET /auth/me, POST /auth/logout and GET /.well-known/jwks.json."""

from __future__ import annotations

import time

import jwt

from shared.auth import keys, tokens
from shared.auth.permissions import permissions_of
from shared.settings import settings


def test_me_is_the_user_the_tenant_the_role_what_it_may_and_where_else(house) -> None:
    """Role and permissions of this token, memberships of this moment."""
    body = house.login("both@demo.example", tenant="other").json()
    answer = house.call("identity-me", token=body["access_token"])
    assert answer.status_code == 200
    assert answer.json() == {
        "user": body["user"],
        "tenant": "other",
        "role": "TENANT_ADMIN",
        "permissions": list(permissions_of("TENANT_ADMIN")),
        "memberships": [
            {"tenant": "demo", "name": "Demo shop", "role": "READONLY"},
            {"tenant": "other", "name": "Other shop", "role": "TENANT_ADMIN"},
        ],
    }


def test_me_needs_a_persons_token(house) -> None:
    """None, a wrong one: 401. A service's: 403, it is nobody."""
    assert house.call("identity-me").status_code == 401
    assert house.call("identity-me", token="a.b.c").status_code == 401
    assert house.call("identity-me", token=tokens.service_token("demo")).status_code == 403


def test_a_token_of_a_session_that_never_was_is_401(house) -> None:
    """Even one that we signed."""
    user_id = house.login().json()["user"]["id"]
    token = tokens.issue_access(user_id=user_id, tenant="demo", role="USER", session_id="session-made-up")
    assert house.call("identity-me", token=token).status_code == 401


def test_logout_ends_the_session_at_once_where_it_is_looked_up(house) -> None:
    """204 without a body, twice; /auth/me and /auth/refresh refuse; another session of the user goes on."""
    body, other = house.login().json(), house.login().json()
    for _ in range(2):
        answer = house.call("identity-logout", token=body["access_token"])
        assert (answer.status_code, answer.content) == (204, b"")
    assert house.call("identity-me", token=body["access_token"]).status_code == 401
    assert house.refresh(body["refresh_token"]).status_code == 401
    assert house.call("identity-me", token=other["access_token"]).status_code == 200
    assert house.refresh(other["refresh_token"]).status_code == 200


def test_logout_is_recorded_once(house) -> None:
    """By the user, about the session, in the tenant's record."""
    body = house.login().json()
    for _ in range(2):
        house.call("identity-logout", token=body["access_token"])
    _, noted = house.said()
    assert (noted.tenant, noted.event.actor, noted.event.action) == (
        "demo",
        body["user"]["id"],
        "identity.logged_out",
    )
    assert noted.event.target == tokens.verify(body["access_token"]).session_id


def test_the_published_keys_verify_a_users_token_with_another_library_path(house) -> None:
    """PyJWT's own JWK Set reader finds the key by kid and accepts the token; a service's token finds no key."""
    token = house.login().json()["access_token"]
    answer = house.call("identity-jwks")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    published = jwt.PyJWKSet.from_dict(answer.json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["EdDSA"], audience="bizosaas", issuer=settings().issuer)
    assert claims["tenant"] == "demo"
    service_kid = jwt.get_unverified_header(tokens.service_token())["kid"]
    assert service_kid not in [one.key_id for one in published.keys]


def test_the_published_keys_are_public_and_keep_the_previous_one(house) -> None:
    """No private part, no purpose of ours; after a rotation two keys."""
    before = house.call("identity-jwks").json()["keys"]
    assert [set(one) for one in before] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    kid = keys.rotate(settings().secrets, "user")
    assert [one["kid"] for one in house.call("identity-jwks").json()["keys"]] == [kid, before[0]["kid"]]


def test_an_expired_access_token_is_told_to_refresh(house, monkeypatch) -> None:
    """401 that says expired, and the refresh token still works."""
    body = house.login().json()
    assert house.call("identity-me", token=body["access_token"]).status_code == 200
    monkeypatch.setattr(tokens.verifier(), "_clock", lambda: time.time() + 906)
    answer = house.call("identity-me", token=body["access_token"])
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert house.refresh(body["refresh_token"]).status_code == 200
