"""What a zygote imports before it forks, so that no function pays for it: libraries and data, no connections.

Importing this module builds one small application and throws it away: FastAPI and pydantic import and compile parts
of themselves at the first route and the first call.
"""

from __future__ import annotations

import asyncio

import anyio._backends._asyncio
import argon2
import cryptography.hazmat.primitives.asymmetric.ed25519
import jwt
import pydantic
import sqlalchemy.dialects.sqlite
import uvicorn.lifespan.off
import uvicorn.loops.uvloop
import uvicorn.protocols.http.httptools_impl
from fastapi import FastAPI
from starlette.types import Message, Scope

import events.registry
import shared.auth.permissions
import shared.auth.tokens
import shared.bus.embedded
import shared.coordination.approvals
import shared.coordination.flow
import shared.coordination.record
import shared.escalation.classify
import shared.runtime.app
import shared.runtime.outbox
import shared.runtime.process
import shared.store.audit
import shared.store.identity
import shared.store.orchestration
from shared.agents.roles import roles
from shared.runtime.http import operation_router

__all__ = [
    "anyio",
    "argon2",
    "cryptography",
    "events",
    "jwt",
    "pydantic",
    "roles",
    "shared",
    "sqlalchemy",
    "uvicorn",
]


class _Model(pydantic.BaseModel):
    text: str = ""


def _warm() -> None:
    router = operation_router()

    @router.post("/")
    async def operation(body: _Model, query: str = "") -> _Model:
        return _Model(text=body.text + query)

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router)
    answer: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        answer.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"query=x",
        "headers": [(b"content-type", b"application/json")],
    }
    asyncio.run(app(scope, receive, send))  # no thread is started: the operation is async
    assert answer[0]["status"] == 200


_warm()
roles()
