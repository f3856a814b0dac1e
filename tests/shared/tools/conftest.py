"""Order bodies as Saleor sends them: ten of our own, and the shared sample where it can be found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve()
OWN_BODIES = HERE.parents[2] / "data" / "saleor_orders.jsonl"


def _bodies(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def own_saleor_bodies() -> list[Any]:
    """The ten bodies in tests/data."""
    return _bodies(OWN_BODIES)


@pytest.fixture(scope="session")
def saleor_bodies() -> list[Any]:
    """The 150 shared bodies: in BIZOSAAS_SHARED_DATA, else in a folder shared/data of one above this."""
    given = os.environ.get("BIZOSAAS_SHARED_DATA")
    folders = [Path(given)] if given else [parent / "shared" / "data" for parent in HERE.parents]
    found = [path for folder in folders if (path := folder / "saleor_order_created.jsonl").is_file()]
    if found:
        return _bodies(found[0])
    reason = "the shared sample of 150 order bodies is not here (BIZOSAAS_SHARED_DATA names its folder)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
