"""A caller of its own process that keeps connections busy: `wrk` where it is installed, else a small one of ours.

python -m scripts.benchmarks.load PORT PATH TOKEN CONNECTIONS SECONDS     prints how many answers were 200
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from typing import Any

import httptools
import uvloop


def load(port: int, path: str, token: str, connections: int, seconds: int) -> int:
    """Call as fast as answers come on `connections` kept connections; the number of answers, all of them 200.

    Raises `RuntimeError` when some are not.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        command = [
            sys.executable,
            "-m",
            "scripts.benchmarks.load",
            *map(str, (port, path, token, connections, seconds)),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(done.stdout)
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}"]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"not every answer was good: {done.stdout}")
    found = re.search(r"(\d+) requests in", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk said something unknown: {done.stdout}")
    return int(found[1])


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole."""

    def __init__(self, request: bytes, counts: dict[int, int]) -> None:
        self._request = request
        self._counts = counts
        self._parser = httptools.HttpResponseParser(self)
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._counts[status] = self._counts.get(status, 0) + 1
        self._transport.write(self._request)


async def _run(port: int, path: str, token: str, connections: int, seconds: float) -> dict[int, int]:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    counts: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: _Connection(request, counts), "127.0.0.1", port)
            for _ in range(connections)]  # fmt: skip
    await asyncio.sleep(seconds)
    for transport, _ in made:
        transport.abort()
    return counts


def main() -> int:
    """Returns 1, with what came on standard error, when an answer was not 200."""
    port, path, token, connections, seconds = sys.argv[1:]
    counts = uvloop.run(_run(int(port), path, token, int(connections), float(seconds)))
    if set(counts) != {200}:
        print(counts, file=sys.stderr)
        return 1
    print(counts[200])
    return 0


if __name__ == "__main__":
    sys.exit(main())
