"""What tests of several functions share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functions.desk import World


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A tenant's waiting requests, without a language model."""
    assert home
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("BIZOSAAS_MODEL_BASE_URL", raising=False)
    return World()
