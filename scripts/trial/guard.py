"""Whoever runs a trial may be killed: this process notices, ends what the trial has started, and takes its folder away.

python -m scripts.trial.guard FOLDER        until standard input ends
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types

from scripts import services
from scripts.trial.platform import ROOT, marked

#: Below a trial's folder: the engines' state, and the home of the platform.
ENGINES, HOME = "engines", "home"


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Inside, the folder's trial ends with this process, however that ends; at the end the folder is gone."""
    command = [sys.executable, "-m", "scripts.trial.guard", str(folder)]
    guard = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


def clean_up(folder: Path) -> None:
    """End every process of the platform and the engines of this folder; forget their data."""
    while left := marked(str(folder / HOME)):  # they may start others meanwhile
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
    services.down(folder=folder / ENGINES, wipe=True)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Returns 0."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the trial has ended, and not before
    sys.stdin.buffer.read()
    clean_up(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
