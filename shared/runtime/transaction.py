"""Around an HTTP function's FastAPI application: the permission, the body limit, the idempotency key, the commit.

The order, for one request:
 1. Token, permission and pace (429), before the body is read.
 2. The body, up to the limit (413).
 3. `Idempotency-Key`: the same key and body get the stored answer, the same key and another body 409.
 4. FastAPI: the body is checked and the operation runs.
 5. An answer below 400 commits changes, events and the stored answer together; an error undoes all.
 6. The events are sent, then the answer. A commit that fails is a 503 and nothing happened.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable

import anyio.to_thread
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.jsontext import dumps, loads
from shared.contract import Caller, Context, FunctionSpec
from shared.errors import Conflict, HouseError, Invalid, Malformed, TooLarge, TryAgain
from shared.ids import derive_id
from shared.problems import to_problem
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.guard import authorise
from shared.runtime.pace import address, keep_pace
from shared.runtime.services import Services
from shared.settings import settings
from shared.store.database import Unit, database_errors, translate

log = logging.getLogger("runtime")
_REPLAYED = {b"content-type", b"location"}
TranslateError = Callable[[Exception], HouseError | None]


class Transaction:
    """The steps around FastAPI."""

    def __init__(self, spec: FunctionSpec, app: ASGIApp, translate_error: TranslateError) -> None:
        """`app` answers with the operation; `translate_error` knows the errors that are its own way of answering."""
        self.spec = spec
        self.app = app
        self.translate_error = translate_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        for message in answer:
            await send(message)

    async def _answer(self, scope: Scope, receive: Receive) -> list[Message]:
        try:
            caller = authorise(self.spec, scope["headers"])
            await keep_pace(self.spec, caller, scope)
            body = await read_body(scope, receive, settings().body_limit)
            key = self._key(scope)
            call = Call(self.spec, scope, caller, body, key)
            if key:
                stored = await anyio.to_thread.run_sync(call.stored)
                if stored:
                    return stored
            return await call.run(self.app, self.translate_error)
        except HouseError as error:
            return messages_of(*to_problem(error))

    def _key(self, scope: Scope) -> str:
        values = [value for name, value in scope["headers"] if name == b"idempotency-key"]
        if not values or not self.spec.idempotent:
            return ""
        key: str = values[0].decode("latin-1")
        if len(values) > 1 or not 1 <= len(key) <= 200 or not key.isprintable():
            raise Invalid.field("Idempotency-Key", "must be one header of 1 to 200 printable characters")
        return key


class Call:
    """One request on its way through the steps."""

    def __init__(self, spec: FunctionSpec, scope: Scope, caller: Caller, body: bytes, key: str) -> None:
        """`key` is the idempotency key or ""."""
        self.spec, self.scope, self.caller, self.body, self.key = spec, scope, caller, body, key
        self.unit = Unit(spec.store or "orchestration")
        self.services = Services(
            spec,
            _context(spec, scope, caller, key),
            self.unit,
            request_address=address(scope),
            request_device=_header(scope, b"user-agent")[:300],
            request_headers={n.decode("latin-1"): v.decode("latin-1") for n, v in scope["headers"]},
            request_body=body,
        )

    async def run(self, app: ASGIApp, translate_error: TranslateError) -> list[Message]:
        """The operation and its commit; returns the whole answer."""
        try:
            messages = await self._operation(app, translate_error)
            status = messages[0]["status"]
            if status < 400 or self.services.keeps_changes:
                await self._commit_if_needed(messages, status)
        except Exception as error:  # noqa: BLE001  # the boundary of a function: a fault becomes an answer, never a lost request
            return self._failed(error)
        finally:
            self.unit.close()
        return messages

    async def _operation(self, app: ASGIApp, translate_error: TranslateError) -> list[Message]:
        messages: list[Message] = []
        sent = False

        async def receive() -> Message:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": self.body, "more_body": False}

        async def collect(message: Message) -> None:
            messages.append(message)

        # With "app" in it, Starlette raises for an unknown path instead of answering in its own words.
        self.scope.update({"house.services": self.services, "house.caller": self.caller, "app": app})
        try:
            await app(self.scope, receive, collect)
        except Exception as error:
            known = error if isinstance(error, HouseError) else translate_error(error)
            if known is None:
                raise
            return messages_of(*to_problem(known))
        return messages

    async def _commit_if_needed(self, messages: list[Message], status: int) -> None:
        said = self.services.emitted or self.services.forwarded
        if self.unit.dirty or said or (self.key and status < 400):
            await anyio.to_thread.run_sync(self._commit, messages, status)

    def _failed(self, error: Exception) -> list[Message]:
        if isinstance(error, IntegrityError) and self.key:
            self.unit.close()
            stored = self.stored()
            if stored:
                return stored
        known = error if isinstance(error, HouseError) else None
        if isinstance(error, IntegrityError):
            known = TryAgain("somebody did the same at the same moment; nothing was changed")
        if known is None and isinstance(error, SQLAlchemyError):
            known = translate(error)
        if known is None:
            log.error("%s failed: %s", self.spec.name, type(error).__name__, exc_info=error)
            known = HouseError("This is our fault and has been logged; nothing was changed")
        return messages_of(*to_problem(known))

    def _commit(self, messages: list[Message], status: int) -> None:
        rows = outbox.stamp(self.services.emitted, self.spec.name, self.services.context, self.services.now())
        rows += [outbox.forward(envelope, self.services.context) for envelope in self.services.forwarded]
        outbox.write(self.unit, rows)
        if self.key and status < 400:
            self._store(messages, status)
        self.unit.commit()
        if rows:
            outbox.send(self.unit.context, rows, outbox.publisher())

    def _store(self, messages: list[Message], status: int) -> None:
        headers = [[n.decode(), v.decode("latin-1")] for n, v in messages[0]["headers"] if n in _REPLAYED]
        row = {
            "function": self.spec.name,
            "tenant": self.caller.tenant,
            "user_id": self.caller.user_id,
            "key": self.key,
            "body_hash": self._hash(),
            "status": status,
            "headers": dumps(headers),
            "body": b"".join(message.get("body", b"") for message in messages[1:]),
            "answered_at": self.services.now(),
        }
        self.unit.write().execute(insert(outbox.table(self.unit.context, "answers")), [row])

    def _hash(self) -> str:
        whole = self.scope["method"].encode() + self.scope["raw_path"] + b"?" + self.scope["query_string"]
        return hashlib.sha256(whole + b"\n" + self.body).hexdigest()

    def stored(self) -> list[Message] | None:
        """The answer that this key got before, if any. Raises `Conflict` when it was for another body."""
        answers = outbox.table(self.unit.context, "answers")
        query = select(answers.c.body_hash, answers.c.status, answers.c.headers, answers.c.body).where(
            answers.c.function == self.spec.name,
            answers.c.tenant == self.caller.tenant,
            answers.c.user_id == self.caller.user_id,
            answers.c.key == self.key,
        )
        try:
            with database_errors():
                row = self.unit.read().execute(query).first()
        finally:
            self.unit.close()
        if row is None:
            return None
        if not secrets.compare_digest(row.body_hash, self._hash()):
            raise Conflict("this Idempotency-Key was used with another body; take a new key for a new request")
        headers = [(name, value) for name, value in loads(row.headers)]
        return messages_of(row.status, [*headers, ("idempotency-replayed", "true")], row.body)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read a request's body. Raises `TooLarge` as soon as it is clear."""
    declared = _header(scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"the body may have {limit} bytes at most")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("the caller went away before the body was complete")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge(f"the body may have {limit} bytes at most")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _context(spec: FunctionSpec, scope: Scope, caller: Caller, key: str) -> Context:
    call_id = secrets.token_hex(16)
    if key:  # the same key repeats the same ids
        call_id = derive_id(spec.name, caller.tenant, caller.user_id, key)
    return Context(
        id=call_id,
        source=f"/bizosaas/{spec.name}",
        tenant=caller.tenant,
        actor=caller.user_id,
        correlation=call_id,
        time=utc_now(),
        traceparent=_header(scope, b"traceparent")[:200],
    )


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def messages_of(status: int, headers: list[tuple[str, str]], body: bytes) -> list[Message]:
    """A whole answer as ASGI messages; a 204 has neither body nor length (RFC 9110, 8.6)."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    if status != 204:
        raw.append((b"content-length", str(len(body)).encode()))
    return [
        {"type": "http.response.start", "status": status, "headers": raw},
        {"type": "http.response.body", "body": body},
    ]
