"""Functions called from outside the host: over HTTP, through whatever gateway stands before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from host.calls import Response
from host.errors import Unreachable
from shared.errors import TryAgain

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS = 5.0
#: Beyond the time that the gateway itself allows a function: this limit is for a gateway that is silent.
EXTRA_SECONDS = 10.0


class Gateway:
    """Calls `{url}/function/NAME`. Made inside a running loop; `close` it there."""

    def __init__(self, url: str, limits: Mapping[str, float]) -> None:
        """`limits` are the functions' time limits in seconds."""
        import aiohttp

        self._url = url.rstrip("/")
        self._limits = {
            name: aiohttp.ClientTimeout(total=limit + EXTRA_SECONDS, sock_connect=CONNECT_SECONDS)
            for name, limit in limits.items()
        }
        # No limit of connections: each function's own width bounds them. No cookies: callers are not one user.
        self._session: aiohttp.ClientSession = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def call(self, function: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Response:
        """POST `body` to a function; its answer, whatever its status.

        Raises Unreachable when the gateway takes no connection or the connection broke before the answer (a gateway
        answers for a function that dies), TryAgain when it stayed silent for longer than the function may take.
        """
        import aiohttp

        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        address = f"{self._url}/function/{quote(function, safe='')}"
        try:
            async with self._session.post(
                address, data=body, headers=fields, timeout=self._limits[function], allow_redirects=False
            ) as answer:
                return Response(answer.status, answer.raw_headers, await answer.read())
        except aiohttp.ClientError as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"the gateway does not answer: {why}", retry_after=1.0) from None
        except TimeoutError:  # of the whole call; one while connecting is a ClientError and was met above
            raise TryAgain(f"{function} gave no answer in {self._limits[function].total:.0f} s") from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()
