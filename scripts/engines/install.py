"""What the machine lacks: installed from Debian where we may, else told in one sentence with the cure."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.engines.contract import Missing, StartFailed

POLICY = Path("/usr/sbin/policy-rc.d")
#: Debian's way to say that a freshly installed service must not be started (invoke-rc.d(8): 101 is "forbidden").
FORBID = "#!/bin/sh\nexit 101\n"


def provide(wanted: Iterable[Missing], say: Callable[[str], None]) -> None:
    """Install all of it at once. Raises `StartFailed` where we cannot, or when it did not work."""
    lacking = list(wanted)
    if not lacking:
        return
    packages = sorted({package for missing in lacking for package in missing.packages})
    what = ", ".join(missing.what for missing in lacking)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StartFailed(f"{what} not found; on Debian or Ubuntu: sudo apt-get install {' '.join(packages)}")
    say(f"installing {' '.join(packages)} with apt")
    with _services_not_started():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-q", *arguments]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise StartFailed(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-500:]}")


@contextmanager
def _services_not_started() -> Iterator[None]:
    """Forbid the start of what is being installed; a policy that somebody else has made stays as it is."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(FORBID)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
