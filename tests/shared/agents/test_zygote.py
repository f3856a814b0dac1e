"""CrewAI works in children of a process that only imported it, and leaves nothing in HOME."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.model_server import ModelServer, obedient

pytestmark = pytest.mark.agents


def test_children_of_an_import_only_zygote_do_a_roles_work(tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(work), "PYTHONPATH": root, "REDIS_URL": "redis://x"}
    with ModelServer(otherwise=obedient) as server:
        command = [sys.executable, "-m", "tests.shared.agents.zygote_probe", server.base_url, "3"]
        done = subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True, timeout=100)
        port = int(server.base_url.rsplit(":", 1)[1].split("/")[0])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["parent"]["threads"], told["parent"]["os_threads"]) == (1, 1)
    for child in told["children"]:
        assert [run["reason"] for run in child["runs"]] == ["the model test-model answered"] * 2
        assert child["connected"] == [str(("127.0.0.1", port))]
    assert list(home.rglob("*")) == []
    assert list(work.rglob("*")) == []
