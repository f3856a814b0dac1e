"""The API keeps to its document: made-up requests, good and bad, at every operation of the running platform."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.flows.counting import count
from tests.flows.platform import ADMIN, PASSWORD, ROOT, Platform
from tests.flows.samples import big_order, ticket

pytestmark = pytest.mark.flow
PATH = ROOT / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(PATH.read_text())
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
GUARDED = [(method, path) for method, path in OPERATIONS if "security" in DOCUMENT["paths"][path][method.lower()]]
#: Not asked: whether all that the schema allows is accepted (rules that hold between fields, or against the database,
#: stand in no schema).
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.missing_required_header,
    checks.unsupported_method,
]
schema = schemathesis.openapi.from_path(PATH)
schema.config.generation.update(modes=list(GenerationMode))


@pytest.fixture(scope="module")
def known(shop: Platform) -> dict[str, str]:
    """Ids that are there, so that not every request ends at a 404: a task with its request, a role and a queue."""
    task = shop.submit("order", big_order())["id"]
    return {"task_id": task, "request_id": shop.request_of(task)["id"], "role": "fraud_screener", "origin": "auto_seo"}


@schema.parametrize()
@settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(
    case: schemathesis.Case[Any], shop: Platform, known: dict[str, str]
) -> None:
    """No 5xx; the status, the content type and the shape of every answer are documented, what breaks the schema is
    refused, and every error is a problem document (RFC 9457)."""
    assert case.meta is not None
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        _make_real(case, known)
    if case.path.endswith("/live"):
        _hurry(case)
    response = case.call(base_url=str(shop.client.base_url), headers={"authorization": f"Bearer {_token(shop, case)}"})
    # Of a batch of events each bad one is refused by itself (207), so the whole is not.
    by_itself = response.status_code == 207
    case.validate_response(response, checks=[*CHECKS, *([] if by_itself else [checks.negative_data_rejection])])
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["title"]
        assert problem["detail"]


def _make_real(case: schemathesis.Case[Any], known: dict[str, str]) -> None:
    """Make a good request one about something: an id that is there, a type of task that roles do."""
    case.path_parameters.update({name: known[name] for name in case.path_parameters})
    body: Any = case.body
    if case.media_type == "application/cloudevents-batch+json":
        case.body = [_real_event(one) for one in body]
    elif case.media_type == "application/cloudevents+json":
        case.body = _real_event(body)
    elif not isinstance(body, dict):
        return
    elif case.path == "/hitl/decision":
        case.body = body | {"request_id": known["request_id"]}
    elif case.path in ("/tasks", "/tasks/classify"):
        kind, sample = ("support_ticket", ticket()) if len(body["data"]) % 2 else ("order", big_order())
        case.body = body | {"type": kind, "data": sample | body["data"]}


def _hurry(case: schemathesis.Case[Any]) -> None:
    """A stream that would last long lasts a second; one that is refused stays refused."""
    seconds = str((case.query or {}).get("seconds", 1))
    if seconds.isascii() and seconds.isdigit() and 1 <= int(seconds) <= 100:
        case.query = (case.query or {}) | {"seconds": 1}


def _real_event(event: dict[str, Any]) -> dict[str, Any]:
    order = big_order()
    data = {"order_id": order["order_id"], "amount": order["amount"], "currency": "EUR", "order": order}
    return event | {"type": "bizosaas.commerce.OrderPlaced.v1", "data": data}


def _token(shop: Platform, case: schemathesis.Case[Any]) -> str:
    """A token; where the session may be over, since POST /auth/logout is tried as well, one of a new session."""
    if not case.path.startswith("/auth/"):
        return shop.token()
    answer = shop.call("POST", "/auth/login", None, json={"email": ADMIN, "password": PASSWORD})
    return str(answer.json()["access_token"])


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer abc.def.ghi", "Basic YWRtaW46YWRtaW4="])
def test_without_a_token_that_verifies_nothing_is_done(
    shop: Platform, method: str, path: str, authorization: str | None
) -> None:
    """401 with a challenge, before the body is looked at, at every operation that the document says is guarded."""
    headers = {} if authorization is None else {"authorization": authorization}
    answer = shop.call(method, path.replace("{", "").replace("}", ""), None, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_only_signing_in_and_the_keys_are_open_to_all() -> None:
    """What the document shows as public is no more than must be."""
    public = {"POST /auth/login", "POST /auth/refresh", "GET /.well-known/jwks.json"}
    assert {f"{method} {path}" for method, path in OPERATIONS} - {f"{m} {p}" for m, p in GUARDED} == public


def test_what_was_made_up_left_the_record_sound(shop: Platform, known: dict[str, str]) -> None:
    """The last in this file: after all of it, every task has ended or waits once, and every fact is on record."""
    count(shop)
