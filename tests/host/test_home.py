"""One host at a time owns a home; the lock ends with its process, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host.home import Home
from shared.errors import Conflict, Invalid

ROOT = Path(__file__).resolve().parents[2]
HOLD = "import sys; from pathlib import Path; from host.home import Home; h = Home(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"  # noqa: E501  # one program


def test_the_second_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    first = Home(tmp_path / "home")
    with pytest.raises(Conflict, match=str(os.getpid())):
        Home(tmp_path / "home")
    first.release()
    Home(tmp_path / "home").release()


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    Home(tmp_path / "home").release()
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_what_is_no_folder_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="--home: must be a folder"):
        Home(tmp_path / "file")


def test_a_killed_owner_leaves_no_lock(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    assert owner.stdout.readline() == b"held\n"
    with pytest.raises(Conflict, match=str(owner.pid)):
        Home(tmp_path)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdin.close()
    owner.stdout.close()
    Home(tmp_path).release()
