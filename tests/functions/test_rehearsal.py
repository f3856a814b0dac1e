"""A rehearsal is a real first call, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Run in a process of its own, as a zygote does; what its caller is answered with is told by its exit.
REHEARSE = """
import sys
from functions import rehearsal
from shared.runtime import entry

served = []
run = entry.run
entry.run = lambda function, *arguments: (served.append(function), run(function, *arguments))
getattr(rehearsal, sys.argv[1])()
print(*served)
"""


@pytest.mark.parametrize(("name", "function"), [("answer", "tasks-list"), ("step", "agent-payment-validator")])
def test_it_serves_one_request_that_succeeds_and_leaves_nothing(name: str, function: str, tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    environment = os.environ | {"BIZOSAAS_HOME": str(home), "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-c", REHEARSE, name],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"{function}\n", "")
    assert not home.exists()
    assert list(temporary.iterdir()) == []


def test_a_rehearsal_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    """Its caller, who shares its output, ends by itself: the output's end is the end of both."""
    code = "from functions import rehearsal\nfrom shared.runtime import entry\nimport os\n"
    code += "entry.run = lambda *_: (print('up', flush=True), os.kill(os.getpid(), 9))\nrehearsal.answer()\n"
    environment = os.environ | {
        "BIZOSAAS_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (-9, "up\n")
    assert "ConnectionRefusedError" in done.stderr
