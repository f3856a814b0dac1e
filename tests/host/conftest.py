"""The world of the host's tests, made per test and taken down after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from host.ingress import Ingress, Route
from host.platform import Host
from host.stack import Function
from tests.host.world import HERE, PLENTY, SETTINGS, Gate, MakeWorld, Told, World, function


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture
async def world(anyio_backend: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeWorld]:
    """Makes a host with functions; all are stopped after the test.

    Nothing of them may be left then, and no callback may have raised on the way.
    """
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    worlds: list[World] = []
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))

    async def make(*functions: Function, routes: tuple[Route, ...] = (), **options: Any) -> World:
        told = Told()
        settings = replace(SETTINGS, **options.pop("settings", {}))
        options.setdefault("memory", lambda: PLENTY)
        by_name = {one.name: one for one in functions or (function(),)}
        host = Host(by_name, Ingress(routes), settings, on_log=told.log, on_event=told.event, **options)
        await host.start()
        worlds.append(World(host, await host.listen("127.0.0.1", 0), told, settings))
        return worlds[-1]

    yield make
    for one in worlds:
        await one.close()
        await one.told.until(one.all_dead)
    assert failures == []
