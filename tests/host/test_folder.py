"""The host's own folder, and those that killed hosts left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from host.folder import PREFIX, YOUNG, Folder
from host.ingress import Ingress
from host.platform import Host
from host.spawner import ROOT
from shared.errors import Invalid
from tests.host.world import SETTINGS, function


def age(path: Path) -> None:
    then = path.stat().st_mtime - YOUNG - 1
    os.utime(path, (then, then))


def test_it_is_private_and_goes_with_its_content(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "1").touch()
    folder.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_host_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, sys\n"
        "from host.folder import Folder\n"
        "folder = Folder(pathlib.Path(sys.argv[1]))\n"
        "(folder.path / '1').touch()\n"
        "print(folder.path, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    left = Path(killed.stdout.strip())
    assert left.exists()
    age(left)
    folder = Folder(tmp_path)
    assert list(tmp_path.iterdir()) == [folder.path]
    folder.remove()


def test_the_folder_of_a_living_host_a_young_one_and_other_things_stay(tmp_path: Path) -> None:
    living, young, other = Folder(tmp_path), tmp_path / f"{PREFIX}young", tmp_path / "other"
    young.mkdir()
    other.mkdir()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(other)
    for path in (living.path, other):
        age(path)
    folder = Folder(tmp_path)
    assert set(tmp_path.iterdir()) == {living.path, young, other, link, folder.path}
    folder.remove()
    living.remove()


@pytest.mark.anyio
async def test_a_stack_that_is_refused_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(Invalid):
        Host({"one": function(image="none")}, Ingress([]), SETTINGS)
    assert list(tmp_path.iterdir()) == []
