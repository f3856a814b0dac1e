"""Run every check and report all that is wrong, not the first thing only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-m"]
BIN = Path(sys.executable).parent
#: A check that is told of even when it is well: what is yet to come must not be silent.
TELLS = "events and what they start"
CHECKS = (
    ("format", [*PYTHON, "ruff", "format", "--check", "--quiet", "."]),
    ("lint", [*PYTHON, "ruff", "check", "--quiet", "."]),
    ("types", [*PYTHON, "mypy"]),
    ("import directions", [str(BIN / "lint-imports")]),
    ("rooms of functions", [*PYTHON, "scripts.rooms"]),
    ("generated files", [*PYTHON, "functions.generate", "--check"]),
    (TELLS, [*PYTHON, "functions.reactions"]),
)


def main() -> int:
    """Returns 1 when any check fails."""
    failed = []
    for name, command in CHECKS:
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        print(f"{'ok    ' if done.returncode == 0 else 'FAILED'}  {name}", flush=True)
        if done.returncode or name == TELLS:
            print(done.stdout + done.stderr, flush=True)
        if done.returncode:
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
