"""What must not pass the front door, sent as a caller can send it: over raw sockets where a client would be too
polite."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from shared.auth.keys import signing_key
from tests.flows.conftest import MakePlatform
from tests.flows.platform import PASSWORD, Platform

pytestmark = pytest.mark.flow
TEN_MEGABYTES = 10 << 20
READER = "reader@demo.example"


def exchange(shop: Platform, head: str, body: Iterator[bytes] | bytes = b"") -> tuple[int, dict[str, str], Any]:
    """Send bytes as they are and read the one answer: status, headers, JSON. A caller who is refused in the middle
    of a body stops sending, as one does."""
    with socket.create_connection(("127.0.0.1", shop.port), timeout=30) as door:
        door.sendall(head.replace("\n", "\r\n").encode())
        try:
            for part in [body] if isinstance(body, bytes) else body:
                door.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        with door.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            lines = iter(lambda: answer.readline().decode().strip(), "")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return status, headers, json.loads(answer.read(int(headers.get("content-length", 0))) or b"null")


def head(shop: Platform, *more: str, path: str = "/tasks") -> str:
    """The head of a POST as the administrator."""
    fields = [f"POST {path} HTTP/1.1", "Host: shop", f"Authorization: Bearer {shop.token()}", *more]
    return "\n".join([*fields, "Content-Type: application/json", "", ""])


def is_problem(answer: Any, status: int) -> dict[str, Any]:
    """An httpx answer is a problem document (RFC 9457) of this status; returns the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["title"]
    return document


def tasks(shop: Platform) -> int:
    return int(shop.rows("orchestration", "SELECT count(*) FROM tasks")[0][0])


# --- bodies -------------------------------------------------------------------------------------------


def test_a_body_of_ten_megabytes_is_refused_by_its_length(shop: Platform) -> None:
    """413 from the announced length, before a byte of the body is sent."""
    status, headers, problem = exchange(shop, head(shop, f"Content-Length: {TEN_MEGABYTES}"))
    assert (status, problem["status"]) == (413, 413)
    assert headers["content-type"] == "application/problem+json"


def test_a_body_of_ten_megabytes_in_chunks_is_refused_in_the_middle(shop: Platform) -> None:
    """Without a length it is counted as it comes, and the sender is not heard to the end."""
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        while sent < TEN_MEGABYTES:
            sent += 65536
            yield b"10000\r\n" + b"x" * 65536 + b"\r\n"
        yield b"0\r\n\r\n"

    status, headers, problem = exchange(shop, head(shop, "Transfer-Encoding: chunked"), chunks())
    assert (status, problem["status"]) == (413, 413)
    assert headers["content-type"] == "application/problem+json"


def test_the_door_takes_what_the_operator_lets_in_and_no_event_that_no_function_could_read(
    platform: MakePlatform,
) -> None:
    """BIZOSAAS_BODY_LIMIT is one limit for all. An event that was sent in binary mode travels in structured mode, and
    is longer then."""
    limit = 6_000_000
    one = platform(BIZOSAAS_BODY_LIMIT=str(limit)).start()
    as_json = {"content-type": "application/json"}
    is_problem(one.call("POST", "/tasks", content=b"{" + b" " * 5_000_000, headers=as_json), 400)
    problem = is_problem(one.call("POST", "/tasks", content=b" " * (limit + 1), headers=as_json), 413)
    assert problem["detail"] == f"a body may have {limit} bytes at most"
    data = b'{"order_id":"o","amount":"1.00","currency":"EUR","order":{"note":"%b"}}' % (b"x" * (limit - 100))
    attributes = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "bizosaas.commerce.OrderPlaced.v1"}
    headers = as_json | {f"ce-{name}": value for name, value in attributes.items()}
    assert len(data) <= limit
    problem = is_problem(one.call("POST", "/events", content=data, headers=headers), 413)
    assert "with its attributes" in problem["detail"]


def test_a_body_with_two_lengths_is_refused(shop: Platform) -> None:
    """Content-Length beside Transfer-Encoding is how requests are smuggled (RFC 9112, 6.1)."""
    before = tasks(shop)
    request = head(shop, "Content-Length: 4", "Transfer-Encoding: chunked")
    status, _, problem = exchange(shop, request, b"0\r\n\r\n")
    assert (status, problem["status"]) == (400, 400)
    assert tasks(shop) == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b'{"type": "order", "data": {}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"type": "order", "data": {"amount": NaN}}', "NaN is not JSON"),
        (b'{"type": "order", "data": {"amount": -Infinity}}', "-Infinity is not JSON"),
        (b'{"type": "order", "type": "content", "data": {}}', "the key 'type' stands twice"),
        (b'{"type": "order", "data": {"amount": 12.345678901234567890}}', "send it as a string"),
        (b'{"type": "order", "data": {"amount": 1e999}}', "send it as a string"),
        (b'{"type": "order", "data": {"note": "\\ud800"}}', "half of a surrogate pair"),
        (b'{"type": "order", "data": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested deeper than"),
    ],
)
def test_malformed_json_is_400_and_says_what_is_wrong(shop: Platform, body: bytes, says: str) -> None:
    """What two readers could read in two ways is not read at all."""
    before = tasks(shop)
    answer = shop.call("POST", "/tasks", content=body, headers={"content-type": "application/json"})
    assert says in is_problem(answer, 400)["detail"]
    assert tasks(shop) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/tasks", {"type": "order", "data": {}, "tenant": "other"}, "tenant"),
        ("POST", "/tasks", {"type": "order", "data": {}, "created_by": "somebody"}, "created_by"),
        ("POST", "/tasks", {"type": "order"}, "data"),
        ("POST", "/tasks", {"type": "order", "data": {}, "priority": 11}, "priority"),
        ("POST", "/tasks", {"type": "order", "data": {}, "role": "nobody"}, "role"),
        ("POST", "/tasks", [], "body"),
        ("POST", "/tasks", None, "body"),
        ("POST", "/tasks/classify", {"type": "order", "data": {}, "policy": {}}, "policy"),
        ("POST", "/hitl/decision", {"request_id": "x", "decision": "approve", "reviewer": "me"}, "reviewer"),
        ("POST", "/hitl/decision", {"request_id": "x", "decision": "maybe"}, "decision"),
        ("POST", "/auth/login", {"email": "a@b.example", "password": "x", "role": "SUPER_ADMIN"}, "role"),
        ("GET", "/tasks?limit=0", None, "query.limit"),
        ("GET", "/tasks?limit=201", None, "query.limit"),
        ("GET", "/tasks?status=done", None, "query.status"),
        ("GET", "/tasks?cursor=rubbish", None, "cursor"),
        ("GET", "/hitl/pending?cursor=rubbish", None, "cursor"),
        ("GET", "/audit?cursor=-1", None, "cursor"),
    ],
)
def test_a_wrong_field_is_422_and_named(shop: Platform, method: str, path: str, body: Any, field: str) -> None:
    """Unknown, missing and out of range alike: the field by its path, and the rule."""
    answer = shop.call(method, path, json=body) if body is not None else shop.call(method, path)
    problems = is_problem(answer, 422)["problems"]
    assert field in [problem["field"] for problem in problems]
    assert all(problem["rule"] for problem in problems)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("GET", "/tasksx"), ("DELETE", "/tasks"), ("PUT", "/healthz")]
)
def test_what_is_not_served_says_so(shop: Platform, method: str, path: str) -> None:
    """404 for a path, 405 with what would do for a method."""
    answer = shop.call(method, path)
    problem = is_problem(answer, 405 if path in ("/tasks", "/healthz") else 404)
    assert ("allow" in answer.headers) == (problem["status"] == 405)


# --- who calls ----------------------------------------------------------------------------------------


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good: dict[str, Any] = {"iss": "https://bizosaas.local", "aud": "bizosaas", "sub": "nobody", "tenant": "demo"}
    good |= {"role": "TENANT_ADMIN", "sid": "session", "jti": "token", "iat": now, "nbf": now, "exp": now + 900}
    return good | changes


def unsigned(shop: Platform) -> str:
    """alg: none, as RFC 7519 section 6 writes it."""
    kid = signing_key(shop.home / "secrets", "user").kid
    parts = ({"alg": "none", "typ": "at+jwt", "kid": kid}, claims())
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def signed(shop: Platform, kind: Any = "user", **changes: Any) -> str:
    """A token by the platform's own key: only what it says is wrong."""
    key = signing_key(shop.home / "secrets", kind)
    return jwt.encode(claims(**changes), key.private, "EdDSA", {"kid": key.kid, "typ": "at+jwt"})


def by_another_key(shop: Platform) -> str:
    """Signed by a key that is not ours, under the name of ours."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    kid = signing_key(shop.home / "secrets", "user").kid
    return jwt.encode(claims(), Ed25519PrivateKey.generate(), "EdDSA", {"kid": kid, "typ": "at+jwt"})


def by_the_public_key(shop: Platform) -> str:
    """HMAC with the public key as the secret: algorithm confusion (RFC 8725, 2.1)."""
    key = shop.get("/.well-known/jwks.json")["keys"][0]
    secret = base64.urlsafe_b64decode(key["x"] + "=")
    return jwt.encode(claims(), secret, "HS256", {"kid": key["kid"], "typ": "at+jwt"})


def changed(shop: Platform) -> str:
    """A good token whose payload was exchanged for another tenant's."""
    first, _, last = shop.token().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(tenant="other")).encode()).rstrip(b"=").decode()
    return f"{first}.{payload}.{last}"


FORGED: dict[str, Callable[[Platform], str]] = {
    "alg none": unsigned,
    "another key": by_another_key,
    "the public key as a secret": by_the_public_key,
    "a changed payload": changed,
    "expired": lambda shop: signed(shop, exp=int(time.time()) - 60),
    "not yet valid": lambda shop: signed(shop, nbf=int(time.time()) + 600),
    "another issuer": lambda shop: signed(shop, iss="https://elsewhere.example"),
    "another audience": lambda shop: signed(shop, aud="elsewhere"),
    "a service's role by the users' key": lambda shop: signed(shop, role="AGENT"),
    "an administrator's role by the services' key": lambda shop: signed(shop, "service"),
    "no tenant": lambda shop: signed(shop, tenant=""),
    "rubbish": lambda _: "rubbish",
}
GUARDED = [("GET", "/tasks"), ("POST", "/tasks"), ("POST", "/events"), ("POST", "/hitl/decision"), ("GET", "/audit")]


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_is_401_on_every_way_in(shop: Platform, how: str) -> None:
    """At the public paths, at a function's own path, and for an agent's function; never with a reason that helps."""
    token = FORGED[how](shop)
    for method, path in [*GUARDED, ("POST", "/function/tasks-create"), ("POST", "/function/audit-record")]:
        answer = shop.call(method, path, None, headers={"authorization": f"Bearer {token}"}, content=b"{")
        problem = is_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "expired" in problem["detail"] if how == "expired" else "not valid" in problem["detail"]


def test_no_token_is_401_and_two_are_refused(shop: Platform) -> None:
    """None, another scheme, an empty one; and two Authorization fields are not one of them."""
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer"}):
        is_problem(shop.call("GET", "/tasks", None, headers=headers), 401)
    twice = f"Authorization: Bearer {shop.token()}"
    status, _, _ = exchange(shop, head(shop, twice, "Content-Length: 0"))
    assert status == 400


def test_permission_is_asked_before_the_body_is_read(shop: Platform) -> None:
    """A reader may not submit: 403 although the body is rubbish, and 401 without a token although it is too large."""
    for path in ("/tasks", "/events", "/hitl/decision"):
        is_problem(shop.call("POST", path, READER, content=b"{"), 403)
    is_problem(shop.call("GET", "/audit", "user@demo.example"), 403)
    nobody = f"POST /tasks HTTP/1.1\nHost: shop\nContent-Length: {TEN_MEGABYTES}\n\n"
    assert exchange(shop, nobody)[0] == 401


@pytest.mark.parametrize("function", ["audit-record", "dispatch", "hitl-open", "tasks-react"])
def test_events_are_delivered_by_the_platform_only(shop: Platform, function: str) -> None:
    """Even the super administrator may not hand an event to a function: the record would tell what never was."""
    for user in ("super@demo.example", "admin@demo.example"):
        is_problem(shop.call("POST", f"/function/{function}", user, json={}), 403)


# --- whose it is --------------------------------------------------------------------------------------


def test_the_tenant_is_the_tokens_and_nobody_elses_word(shop: Platform) -> None:
    """A header is ignored; in an event another tenant's name is refused."""
    mine = shop.call("GET", "/auth/me", headers={"x-tenant-id": "other", "tenantid": "other"}).json()
    assert mine["tenant"] == "demo"
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "foreign-1",
        "source": "/crm",
        "type": "bizosaas.commerce.ProductUpdated.v1",
    }
    event |= {"tenantid": "other", "data": {"product_id": "p-1"}}
    answer = shop.call("POST", "/events", json=event, headers={"content-type": "application/cloudevents+json"})
    assert "the tenant is the token's" in is_problem(answer, 403)["detail"]
    assert shop.rows("orchestration", "SELECT * FROM outbox WHERE body LIKE '%foreign-1%'") == []


def test_a_session_that_was_ended_cannot_be_gone_on_with(shop: Platform) -> None:
    """After a logout the refresh token is over, /auth/me says so at once, and the record has it."""
    query = "SELECT count(*) FROM record WHERE data LIKE '%identity.logged_out%'"
    shop.quiet()
    ((before,),) = shop.rows("audit", query)
    answer = shop.call("POST", "/auth/login", None, json={"email": READER, "password": PASSWORD}).json()
    mine = {"authorization": f"Bearer {answer['access_token']}"}
    assert shop.call("GET", "/auth/me", None, headers=mine).status_code == 200
    assert shop.call("POST", "/auth/logout", None, headers=mine).status_code == 204
    is_problem(shop.call("GET", "/auth/me", None, headers=mine), 401)
    is_problem(shop.call("POST", "/auth/refresh", None, json={"refresh_token": answer["refresh_token"]}), 401)
    shop.quiet()
    assert shop.rows("audit", query) == [(before + 1,)]


def test_a_copied_refresh_token_ends_its_session(shop: Platform) -> None:
    """Each refresh token works once; the second use ends the session for whoever holds it, and is on record."""
    first = shop.call("POST", "/auth/login", None, json={"email": READER, "password": PASSWORD}).json()
    second = shop.call("POST", "/auth/refresh", None, json={"refresh_token": first["refresh_token"]}).json()
    is_problem(shop.call("POST", "/auth/refresh", None, json={"refresh_token": first["refresh_token"]}), 401)
    is_problem(shop.call("POST", "/auth/refresh", None, json={"refresh_token": second["refresh_token"]}), 401)
    shop.quiet()
    noted = shop.rows("audit", "SELECT count(*) FROM record WHERE data LIKE '%identity.refresh_reused%'")
    assert noted == [(1,)]
