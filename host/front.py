"""The front door: one HTTP port before all functions. Decides who may pass, before anything is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from host.client import Client
from host.errors import MethodNotAllowed
from host.exchange import too_large
from host.httpwire import Header, own_answer
from host.ingress import Ingress
from host.request import CallIds, RequestHead
from host.settings import Context
from shared.errors import HouseError, NotFound, TryAgain, Unauthenticated
from shared.problems import to_problem

if TYPE_CHECKING:
    from host.exchange import Exchange
    from host.pool import Pool

Authenticate = Callable[[bytes], object]
LocalAnswer = tuple[int, list[Header], bytes]
DIRECT = b"/function/"
NAMESPACE = b".openfaas-fn"  # what faas-cli puts behind every name


class Front:
    """Serves callers. The order at the door: well-formed, served here, routed, authenticated, small
    enough.
    """

    scheme = "http"

    def __init__(
        self,
        context: Context,
        ingress: Ingress,
        pools: Mapping[str, Pool],
        authenticate: Authenticate | None,
        local: Mapping[bytes, Callable[[], LocalAnswer]],
    ) -> None:
        """`local` holds the paths that the host answers itself (GET and HEAD). Without `authenticate` all may
        pass.
        """
        self.settings = context.settings
        self.clock = context.clock
        self.call_ids = CallIds()
        self.clients: set[Client] = set()
        self._context = context
        self._ingress = ingress
        self._pools = pools
        self._authenticate = authenticate
        self._local = local
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()

    async def listen(self, address: str, port: int) -> int:
        """Opens the port (0: any) and returns it; OSError when it is taken."""
        self._server = await self._context.loop.create_server(
            lambda: Client(self), address, port, backlog=1024, reuse_address=True
        )
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self, grace: float) -> None:
        """No new connections; those that are answered get `grace` seconds to have their answer."""
        if self._server is not None:
            self._server.close()
        for client in list(self.clients):
            client.finish_soon()
        self._empty.clear()
        if self.clients:
            try:
                await asyncio.wait_for(self._empty.wait(), grace)
            except TimeoutError:
                for client in list(self.clients):
                    client.transport.abort()

    def tick(self, now: float) -> None:
        """Looks at the deadline of every connection."""
        for client in [client for client in self.clients if client.deadline < now]:
            client.expired()

    # --- for clients ------------------------------------------------------------------------------

    def joined(self, client: Client) -> None:
        """A caller connected; one too many is told so."""
        self.clients.add(client)
        if len(self.clients) > self.settings.connections:
            status, headers, body = to_problem(TryAgain("too many connections", retry_after=1.0))
            fields = [(name.encode(), value.encode()) for name, value in headers]
            client.write(own_answer(status, fields, body, connection=b"connection: close\r\n"))
            client.finish_soon()

    def left(self, client: Client) -> None:
        """A caller's connection is closed."""
        self.clients.discard(client)
        if not self.clients:
            self._empty.set()

    def serve(self, exchange: Exchange) -> None:
        """Its turn on its connection has come: a function gets it, or the door answers."""
        try:
            if exchange.error is not None:
                raise exchange.error
            local = self._local.get(exchange.head.path)
            if local is None:
                exchange.begin(self._admit(exchange))
                return
            if exchange.head.method not in (b"GET", b"HEAD"):
                raise MethodNotAllowed(("GET", "HEAD"))
            exchange.answer_own(*local())
        except HouseError as error:
            exchange.refuse(error)

    def _admit(self, exchange: Exchange) -> Pool:
        """The pool for the request; raises what the door says no with."""
        head = exchange.head
        if head.path.startswith(DIRECT):
            pool, exchange.target = self._direct(head)
            public = pool.function.public
        else:
            route = self._ingress.match(head.method, head.path)
            pool = self._pools[route.function]
            exchange.target = head.path + head.query
            public = route.public
        if not public and self._authenticate is not None:
            self._authenticate(_token(head.authorization))
        if head.length is not None and head.length > self.settings.body_limit:
            raise too_large(self.settings.body_limit)
        return pool

    def _direct(self, head: RequestHead) -> tuple[Pool, bytes]:
        """`/function/NAME[.openfaas-fn][/rest]`: the pool, and the target that the function sees."""
        name, _, rest = head.path[len(DIRECT) :].partition(b"/")
        pool = self._pools.get(name.removesuffix(NAMESPACE).decode("latin-1"))
        if pool is None:
            raise NotFound("there is no such function")
        return pool, b"/" + rest + head.query


def _token(authorization: bytes | None) -> bytes:
    """The bearer token of an Authorization field (RFC 6750, 2.1)."""
    if authorization is None:
        raise Unauthenticated("send an Authorization header: Bearer and the access token of /auth/login")
    scheme, _, token = authorization.partition(b" ")
    if scheme != b"Bearer" and scheme.lower() != b"bearer":
        raise Unauthenticated("the Authorization header must be: Bearer TOKEN")
    return token.strip()
