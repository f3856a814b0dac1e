"""What the machine lacks: installed from Debian where we may, else told in one sentence with the cure."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.engines.contract import Missing, StartFailed

POLICY = Path("/usr/sbin/policy-rc.d")
#: Debian's way to say that a freshly installed service must not be started (invoke-rc.d(8): 101 is "forbidden").
FORBID = "#!/bin/sh\nexit 101\n"


def provide(missing: Callable[[], list[Missing]], say: Callable[[str], None]) -> None:
    """Install at once all that `missing` tells of. Raises `StartFailed` where we cannot, or when it did not help."""
    lacking = missing()
    if not lacking:
        return
    packages = sorted({package for lack in lacking for package in lack.packages})
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        cure = f"sudo apt-get install {' '.join(packages)}"
        raise StartFailed(f"not found: {_words(lacking)}; on Debian or Ubuntu: {cure}")
    say(f"installing {' '.join(packages)} with apt")
    with _services_not_started():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *packages)
    if left := missing():
        raise StartFailed(f"not found: {_words(left)}, also after apt-get install {' '.join(packages)}")


def _words(lacking: list[Missing]) -> str:
    return ", ".join(lack.what for lack in lacking)


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
