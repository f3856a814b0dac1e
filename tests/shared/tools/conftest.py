"""Order bodies as Saleor sends them: ten of our own, and a sample of 150."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
OWN_BODIES = DATA / "saleor_orders.jsonl"
SAMPLE = DATA / "saleor_order_created.jsonl.gz"


def _bodies(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.fixture(scope="session")
def own_saleor_bodies() -> list[Any]:
    """The ten bodies in tests/data."""
    return _bodies(OWN_BODIES.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def saleor_bodies() -> list[Any]:
    """The 150 bodies of the payment_validator's proof: in BIZOSAAS_SHARED_DATA, which may hold those of another seed,
    else in tests/data."""
    given = os.environ.get("BIZOSAAS_SHARED_DATA")
    if given:
        return _bodies((Path(given) / "saleor_order_created.jsonl").read_text(encoding="utf-8"))
    return _bodies(gzip.decompress(SAMPLE.read_bytes()).decode())
