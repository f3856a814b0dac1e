"""The cache is a server of the host's own: it comes with it, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from host import valkey
from host.folder import YOUNG
from host.spawner import ROOT
from host.valkey import Valkey, cache_at
from tests.host.test_folder import age

KILLED = (
    "import asyncio, os, signal\n"
    "from host.valkey import Valkey\n"
    "cache = Valkey()\n"
    "asyncio.run(cache.start())\n"
    "print(cache.url, flush=True)\n"
    "os.kill(os.getpid(), signal.SIGKILL)\n"
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what may vanish, of this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_it_answers_and_leaves_nothing(temporary: Path) -> None:
    cache = Valkey()

    async def ask() -> bytes:
        await cache.start()
        reader, writer = await asyncio.open_unix_connection(cache.url.removeprefix("unix://"))
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        return answer

    try:
        assert asyncio.run(ask()) == b"+PONG\r\n"
    finally:
        cache.stop()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_host_left_is_removed_by_the_next(temporary: Path) -> None:
    environment = {"TMPDIR": str(temporary), "PATH": ""}
    command = [sys.executable, "-c", KILLED]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    left = Path(said.stdout.strip().removeprefix("unix://")).parent
    assert left.parent == temporary, said.stderr
    age(left)
    cache = Valkey()
    assert not left.exists(), f"older than {YOUNG} s, and nobody holds it"
    cache.stop()


def test_it_comes_back_when_it_is_killed(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty, and at the same address."""
    monkeypatch.setattr(valkey, "_LOOK_SECONDS", 0.05)
    cache = Valkey()

    async def kill_and_ask() -> None:
        await cache.start()
        assert cache._process is not None
        first = cache._process.pid
        cache._process.kill()
        async with asyncio.timeout(30):
            while cache._process.pid == first or not await cache._accepts():
                await asyncio.sleep(0.01)

    try:
        asyncio.run(kill_and_ask())
    finally:
        cache.stop()
    assert list(temporary.iterdir()) == []


def test_a_redis_that_is_named_is_used_as_it_is() -> None:
    """It is not the host's: nothing is started, nothing is asked, nothing is ended."""
    cache = cache_at("redis://:secret@127.0.0.1:1/0")
    asyncio.run(cache.start())
    assert cache.url == "redis://:secret@127.0.0.1:1/0"
    cache.stop()
    own = cache_at("")
    assert isinstance(own, Valkey)
    own.stop()
