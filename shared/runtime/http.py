"""What an HTTP function sees: its router, its caller, its services; and how FastAPI's errors become the house's.

The router is served as it is, without a FastAPI application around it: the middlewares of one (its error pages,
telemetry, body limits, a second routing) are what `Transaction` does already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from events.jsontext import JsonError, loads
from shared.contract import Caller, FunctionSpec
from shared.errors import HouseError, Invalid, Malformed, NotFound, Problem
from shared.runtime.load import load
from shared.runtime.services import Services
from shared.runtime.transaction import Transaction


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


# The two are coroutines because FastAPI hands plain functions to a thread each.


async def _services(request: Request) -> Services:
    services: Services = request.scope["house.services"]
    return services


async def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["house.caller"]
    return caller


ServicesNow = Annotated[Services, Depends(_services)]
CallerNow = Annotated[Caller, Depends(_caller)]


def operation_router() -> APIRouter:
    """The router of an HTTP function: it reads JSON strictly."""
    return APIRouter(route_class=StrictRoute, redirect_slashes=False)


def build(spec: FunctionSpec) -> ASGIApp:
    """The ASGI application of one HTTP function."""
    app = AsyncExitStackMiddleware(load(spec).router)
    if spec.streams:
        from shared.runtime.stream import Streaming

        return Streaming(spec, app, house_error)
    return Transaction(spec, app, house_error)


def house_error(error: Exception) -> HouseError | None:
    """What FastAPI and Starlette raise, as an error of the house; None for anything else."""
    if isinstance(error, RequestValidationError):
        problems = tuple(Problem(_path(item["loc"]), item["msg"]) for item in error.errors())
        return Invalid("; ".join(f"{p.field}: {p.rule}" for p in problems[:5]), problems=problems)
    if not isinstance(error, HTTPException):
        return None
    if isinstance(error.__cause__, HouseError):  # raised while FastAPI read the body
        return error.__cause__
    if error.status_code in (404, 405):
        return NotFound("nothing is at this path with this method")
    return Malformed(str(error.detail))


def _path(location: tuple[str | int, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".body").removeprefix(".") or "body"
