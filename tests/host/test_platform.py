"""A host with a function: from the door to the process and back."""

from __future__ import annotations

import json

import pytest

from tests.host.world import MakeWorld

pytestmark = pytest.mark.anyio


async def test_a_sleeping_function_wakes_for_a_call(world: MakeWorld) -> None:
    """The first call starts a process; the second finds it awake."""
    one = await world()
    first = json.loads((await one.get("/function/one/echo?x=1")).body)
    second = json.loads((await one.get("/function/one.openfaas-fn")).body)
    assert (first["url"], second["url"]) == ("/echo?x=1", "/")
    assert first["pid"] == second["pid"]
    assert len(one.told.of("woke")) == 1
