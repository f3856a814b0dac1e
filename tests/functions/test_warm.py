"""A warmed zygote holds caches, and nothing that a fork could harm or a home could miss."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import CONTEXTS

ROOT = Path(__file__).resolve().parents[2]

#: Run in a process of its own: what is looked at is what the whole process has.
LOOK = """
import os
import sys
from pathlib import Path

before = dict(os.environ)
from functions.warm import warm

warm()
from functions.catalogue import functions
from shared.runtime import entry, outbox
from shared.settings import settings

files = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")
         if os.path.exists(f"/proc/self/fd/{number}")]
print("threads", len(os.listdir("/proc/self/task")))
print("files", [name for name in files if "warm" in name or ".db" in name])
print("same environment", dict(os.environ) == before)
print("home is empty", not Path(os.environ["BIZOSAAS_HOME"]).exists())
print("settings are forgotten", settings.cache_info().currsize == 0)
print("every function is built", entry.prepare.cache_info().currsize == len(functions()))
print("heavy", sorted({"crewai", "babel", "holidays", "rapidfuzz", "vaderSentiment"} & sys.modules.keys()))
"""


#: Nobody listens there: a connection would fail, and be said on stderr.
NOWHERE = {f"BIZOSAAS_{context.upper()}_DATABASE_URL": "postgresql+psycopg://u:p@127.0.0.1:1/d" for context in CONTEXTS}


@pytest.mark.parametrize("stores", [{}, NOWHERE], ids=["sqlite", "postgres"])
def test_warming_leaves_no_thread_no_file_no_setting_and_nothing_in_the_home(
    tmp_path: Path, stores: dict[str, str]
) -> None:
    environment = os.environ | {"BIZOSAAS_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)} | stores
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "threads 1",
        "files []",
        "same environment True",
        "home is empty True",
        "settings are forgotten True",
        "every function is built True",
        "heavy ['rapidfuzz']",
    ]
