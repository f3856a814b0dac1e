"""The OpenAPI document of all HTTP functions, as one API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI

from shared.contract import FunctionSpec
from shared.runtime.load import load

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule"],
                "properties": {"field": {"type": "string"}, "rule": {"type": "string"}},
            },
        },
    },
}
#: One server-sent event, as it is parsed (WHATWG HTML); `data` is a JSON object.
_STREAM = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "required": ["event", "data"],
            "properties": {
                "event": {"type": "string"},
                "id": {"type": "string"},
                "retry": {"type": "integer"},
                "data": {"type": "string", "contentMediaType": "application/json"},
            },
        }
    }
}
#: Answers that any operation may give; the ones behind a token add the first two.
_GUARDED = {"401": "No token, or one that does not verify", "403": "The role lacks the permission"}
_COMMON = {
    "400": "The request cannot be read",
    "404": "Nothing of this tenant has that id",
    "408": "The request came too slowly",
    "409": "It changed or was decided meanwhile, or the key was used for another request",
    "413": "The body is too large",
    "422": "A field breaks a rule",
    "429": "Too often",
    "431": "The header fields are too large",
    "502": "The function ended before it answered",
    "503": "Try again later",
    "504": "It took too long",
}
#: Of every operation that may be sent again under the same key; the runtime reads it, no operation does.
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body again: the same answer. The same key and another body: 409",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def document(specs: Iterable[FunctionSpec]) -> dict[str, Any]:
    """Build the document from the routers of the HTTP functions."""
    http = [spec for spec in specs if spec.kind == "http" and spec.route]
    app = FastAPI(title="BizOSaaS Functions", version="0.1.0", openapi_url=None)
    for spec in http:
        app.include_router(load(spec).router, tags=[spec.name.partition("-")[0]])
    whole = app.openapi()
    whole["components"]["schemas"]["Problem"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        whole["components"]["schemas"].pop(name, None)
    whole["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for spec in http:
        method, path = spec.route.split(" ")
        _complete(whole["paths"][path][method.lower()], spec)
    return whole


def _complete(operation: dict[str, Any], spec: FunctionSpec) -> None:
    operation["operationId"] = spec.name
    operation["summary"] = spec.summary
    operation["x-permission"] = spec.permission
    if spec.idempotent:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    if spec.streams:
        operation["responses"]["200"]["content"] = _STREAM
    answers = dict(_COMMON)
    if spec.permission != "public":
        operation["security"] = [{"bearer": []}]
        answers |= _GUARDED
    if spec.name == "identity-login":
        answers["401"] = "The e-mail or the password is wrong"
    if spec.name == "identity-refresh":
        answers["401"] = "The refresh token is unknown, used or over"
    for status, text in answers.items():
        operation["responses"][status] = {
            "description": text,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
