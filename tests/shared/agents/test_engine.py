"""Without a usable model the playbook works, and the result says why; none of this imports CrewAI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.agents import crew
from shared.agents.breaker import Circuit
from shared.agents.circuits import Breaker, MemoryStore
from shared.agents.engine import Engine
from shared.errors import Invalid
from tests.shared.agents.sample import ROLE, case, settings


def test_no_model_is_configured(tmp_path: Path) -> None:
    result = Engine(settings(tmp_path)).run(ROLE, case())
    assert (result.engine, result.reason) == ("playbook", "no model is configured")
    assert result.tools_used == ("total", "deviation", "wording")
    assert result.conclusion.summary == "The lines come to 33.00 EUR."


def test_crewai_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "available", lambda: False)
    result = Engine(settings(tmp_path, "http://127.0.0.1:1/v1")).run(ROLE, case())
    assert (result.engine, result.reason) == ("playbook", "CrewAI is not installed")


def test_the_circuit_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "available", lambda: True)
    store = MemoryStore()
    store.change(lambda _: Circuit(5, 1, 1_795_348_800.0))  # 2026-11-22 12:00 UTC
    engine = Engine(settings(tmp_path, "http://127.0.0.1:1/v1"), Breaker(store, clock=lambda: 1_795_348_790.0))
    result = engine.run(ROLE, case())
    assert result.engine == "playbook"
    assert result.reason == "the model failed repeatedly and is asked again from 2026-11-22T12:00:00Z"


def test_data_that_no_role_can_work_on_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"data\.lines"):
        Engine(settings(tmp_path)).run(ROLE, case(lines=[]))


def test_the_playbook_costs_no_heavy_import() -> None:
    code = (
        "import sys; from pathlib import Path; from shared.agents.engine import Engine;"
        "from tests.shared.agents.sample import *; Engine(settings(Path('/x'))).run(ROLE, case());"
        "print([m for m in ('crewai', 'httpx', 'openai', 'redis', 'babel') if m in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
