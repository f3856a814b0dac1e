"""What an HTTP function sees: its router, its caller, its services; and how its errors become answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from events.jsontext import JsonError, loads
from shared.contract import Caller, FunctionSpec
from shared.errors import HouseError, Invalid, Malformed, NotFound, Problem
from shared.problems import to_problem
from shared.runtime.load import load
from shared.runtime.services import Services
from shared.runtime.transaction import Transaction
from shared.store.database import translate


class StrictRequest(Request):
    """A request whose JSON is read as the house reads it: decimals stay decimals, duplicate keys are refused."""

    async def json(self) -> Any:
        """The body as JSON. Raises `Malformed`."""
        try:
            return loads(await self.body())
        except JsonError as error:
            raise Malformed(str(error)) from None


class StrictRoute(APIRoute):
    """A route that reads JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the usual handler."""
        usual = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await usual(StrictRequest(request.scope, request.receive))

        return handler


def _services(request: Request) -> Services:
    services: Services = request.scope["house.services"]
    return services


def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["house.caller"]
    return caller


ServicesNow = Annotated[Services, Depends(_services)]
CallerNow = Annotated[Caller, Depends(_caller)]


def operation_router() -> APIRouter:
    """The router of an HTTP function: it reads JSON strictly."""
    return APIRouter(route_class=StrictRoute)


def build(spec: FunctionSpec) -> ASGIApp:
    """The ASGI application of one HTTP function."""
    app = FastAPI(title=spec.name, openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(load(spec).router)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HouseError, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    return Transaction(spec, app)


def _response(error: HouseError) -> Response:
    status, headers, body = to_problem(error)
    return Response(body, status, dict(headers))


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HouseError)
    return _response(error)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = tuple(Problem(_path(item["loc"]), item["msg"]) for item in error.errors())
    return _response(Invalid("; ".join(f"{p.field}: {p.rule}" for p in problems[:5]), problems=problems))


def _path(location: tuple[str | int, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".body").removeprefix(".") or "body"


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, HouseError):  # FastAPI wraps whatever reading the body raised
        return _response(error.__cause__)
    if error.status_code == 404:
        return _response(NotFound("nothing is at this path"))
    return Response(status_code=error.status_code, headers=dict(error.headers or {}))


def _database(_: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    known = translate(error)
    if known is None:
        raise error
    return _response(known)
