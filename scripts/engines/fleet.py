"""Starting, stopping and hurting the engines whose state files are in one folder."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from scripts.engines import ports
from scripts.engines.contract import Engine, StartFailed, last_words, run_as
from scripts.engines.instance import Instance, locked, read, write
from scripts.engines.processes import end, find, send, tree, wait
from scripts.engines.table import ENGINES

ROOT = Path(__file__).resolve().parents[2]
KILL_SECONDS = 10.0

Say = Callable[[str], None]


def home(given: Path | None = None) -> Path:
    """The folder of the state files: what is given, else `$BIZOSAAS_SERVICES_DIR`, else `.services` of the project."""
    return (given or Path(os.environ.get("BIZOSAAS_SERVICES_DIR") or ROOT / ".services")).absolute()


def start(name: str, folder: Path, say: Say = lambda _: None) -> Instance:
    """Have this engine up: left when it answers, started anew on its ports and data when it does not run.

    Raises `StartFailed`.
    """
    engine = ENGINES[name]
    with _held(folder, name):
        instance = read(folder, name)
        if instance is not None and find(instance.processes[-1]):
            send(tree(instance.processes[-1]), signal.SIGCONT)
        else:
            instance = _launch(engine, instance or _make(engine, name, folder), folder, say)
        _await(engine, instance)
        engine.furnish(instance)
        return instance


def _make(engine: Engine, name: str, folder: Path) -> Instance:
    chosen = dict(zip(engine.PORTS, ports.choose(len(engine.PORTS)), strict=True))
    return Instance(name, _place(folder / name, run_as(engine.USER)), chosen, secrets.token_urlsafe(18))


def _place(wished: Path, user: str | None) -> Path:
    """Where the engine's data goes: `wished`, or a folder for all to enter when its user cannot reach that."""
    if user is None or all(parent.stat().st_mode & stat.S_IXOTH for parent in wished.parents):
        return wished
    mark = hashlib.sha256(str(wished).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"bizosaas-{wished.name}-{mark}"


def _launch(engine: Engine, instance: Instance, folder: Path, say: Say) -> Instance:
    say("starting")
    for left in reversed(instance.processes):  # a helper whose engine died
        end(left, signal.SIGTERM, KILL_SECONDS)
    taken = [port for port in instance.ports.values() if not ports.free(port)]
    if taken:
        raise StartFailed(
            f"port {taken[0]} of {instance.name} is taken by another process: end that one, "
            f"or give {instance.name} new ports and new data with scripts/services down --wipe {instance.name}"
        )
    user = run_as(engine.USER)
    instance.folder.mkdir(mode=0o700, exist_ok=True)
    if instance.folder.stat().st_uid not in (os.geteuid(), _id(user)):
        raise StartFailed(f"{instance.folder} is somebody else's: remove it, or choose another folder with --dir")
    if user:
        shutil.chown(instance.folder, user, user)
    engine.prepare(instance)
    instance = replace(instance, processes=engine.launch(instance))
    write(folder, instance)
    return instance


def _id(user: str | None) -> int:
    import pwd

    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def _await(engine: Engine, instance: Instance) -> None:
    until = time.monotonic() + engine.READY_SECONDS
    while not engine.ready(instance):
        if not find(instance.processes[-1]):
            raise StartFailed(f"{instance.name} ended while it started; {instance.log} says: {last_words(instance)}")
        if time.monotonic() > until:
            raise StartFailed(
                f"{instance.name} runs and does not answer after {engine.READY_SECONDS:.0f} s; "
                f"{instance.log} says: {last_words(instance)}"
            )
        time.sleep(0.05)


def stop(name: str, folder: Path, *, wipe: bool = False) -> bool:
    """End it in order, then kill it; with `wipe` forget its data and its ports. Returns whether there was one."""
    engine = ENGINES[name]
    with _held(folder, name):
        instance = read(folder, name)
        if instance is None:
            return False
        ran = any([end(process, engine.STOP, engine.STOP_SECONDS) for process in reversed(instance.processes)])
        if wipe:
            shutil.rmtree(instance.folder, ignore_errors=True)
            (folder / f"{name}.json").unlink()
        return ran or wipe


def kill(name: str, folder: Path) -> Instance:
    """`kill -9` of the engine and of all that it has started; returns when they are gone."""
    instance = _known(name, folder)
    members = tree(instance.processes[-1])
    send(members, signal.SIGKILL)
    wait(members, KILL_SECONDS)
    return instance


def suspend(name: str, folder: Path) -> Instance:
    """Halt it where it stands: its connections stay open and nobody answers."""
    return _signal(name, folder, signal.SIGSTOP)


def resume(name: str, folder: Path) -> Instance:
    """Let it go on."""
    return _signal(name, folder, signal.SIGCONT)


def _signal(name: str, folder: Path, number: signal.Signals) -> Instance:
    instance = _known(name, folder)
    send(tree(instance.processes[-1]), number)
    return instance


def _known(name: str, folder: Path) -> Instance:
    instance = read(folder, name)
    if instance is None:
        raise LookupError(f"{name} was never started in {folder}: scripts/services up {name}")
    return instance


def answering(name: str, folder: Path) -> Instance | None:
    """The instance when it runs and answers now, else None."""
    instance = read(folder, name)
    if instance is None or not find(instance.processes[-1]) or not ENGINES[name].ready(instance):
        return None
    return instance


def _held(folder: Path, name: str) -> AbstractContextManager[None]:
    return locked(folder / f"{name}.lock")
