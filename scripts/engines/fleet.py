"""Starting, stopping and hurting one engine. Its state file is in `folder`; `None` is the project's own `.services`."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scripts.engines import ports, processes
from scripts.engines.contract import Engine, StartFailed, last_words, run_as
from scripts.engines.instance import Instance, locked, read, write
from scripts.engines.table import ENGINES

ROOT = Path(__file__).resolve().parents[2]

Say = Callable[[str], None]


def home(folder: Path | None = None) -> Path:
    """The folder of the state files: the one given, else `$BIZOSAAS_SERVICES_DIR`, else `.services` of the project."""
    return (folder or Path(os.environ.get("BIZOSAAS_SERVICES_DIR") or ROOT / ".services")).absolute()


def find(name: str, folder: Path | None = None) -> Instance:
    """What was started under this name, running or not. Raises `LookupError` when nothing was."""
    instance = read(home(folder), name)
    if instance is None:
        raise LookupError(f"{name} was never started in {home(folder)}: scripts/services up {name}")
    return instance


def answering(name: str, folder: Path | None = None) -> Instance | None:
    """The instance when it runs and answers now, else None."""
    instance = read(home(folder), name)
    if instance is None or not processes.find(instance.main) or not ENGINES[name].ready(instance):
        return None
    return instance


def start(
    name: str, folder: Path | None = None, say: Say = lambda _: None, *, advertised: int | None = None
) -> Instance:
    """Have it up and answering: left when it is, resumed when it was suspended, started anew on its ports and data
    when its process has ended. Raises `StartFailed`.

    `advertised`, at its first start, is the port at which an engine that tells its clients where it is (Kafka) says
    that it is: that of a proxy before it.
    """
    engine, place = ENGINES[name], home(folder)
    with locked(place / f"{name}.lock"):
        instance = read(place, name)
        if instance is None:
            instance = _make(engine, name, place, advertised)
            write(place, instance)  # before its data, which is bound to the password
        processes.send(processes.tree(instance.main), signal.SIGCONT)
        if not _comes_up(engine, instance):
            instance = _launch(engine, instance, place, say)
            if not _comes_up(engine, instance):
                raise StartFailed(f"it ended while it started; {instance.log} says: {last_words(instance)}")
        engine.furnish(instance)
        return instance


def _make(engine: Engine, name: str, place: Path, advertised: int | None) -> Instance:
    chosen = dict(zip(engine.PORTS, ports.choose(len(engine.PORTS)), strict=True))
    if advertised is not None:
        chosen["advertised"] = advertised
    data = place / name
    # Its user may not be able to reach our folders: then its data is where all can.
    if run_as(engine.USER) and not all(parent.stat().st_mode & stat.S_IXOTH for parent in data.parents):
        data = Path(tempfile.mkdtemp(prefix=f"bizosaas-{name}-"))
    return Instance(name, data, chosen, secrets.token_urlsafe(18))


def _launch(engine: Engine, instance: Instance, place: Path, say: Say) -> Instance:
    for left in reversed(instance.processes):  # a helper whose engine died
        processes.end(left, signal.SIGTERM, processes.KILLED_SECONDS)
    taken = [instance.ports[use] for use in engine.PORTS if not ports.free(instance.ports[use])]
    if taken:
        raise StartFailed(
            f"port {taken[0]} is taken by another process: end that one, or give {instance.name} new ports and new "
            f"data with scripts/services down --wipe {instance.name}"
        )
    say("preparing")
    instance.folder.mkdir(mode=0o700, exist_ok=True)
    user = run_as(engine.USER)
    if user:
        shutil.chown(instance.folder, user, user)
    engine.prepare(instance)
    say("starting")
    instance = replace(instance, processes=engine.launch(instance))
    write(place, instance)
    return instance


def _comes_up(engine: Engine, instance: Instance) -> bool:
    """Wait until it answers; False when its process has ended. Raises `StartFailed` when it takes too long."""
    until = time.monotonic() + engine.READY_SECONDS
    while processes.find(instance.main):
        if engine.ready(instance):
            return True
        if time.monotonic() > until:
            raise StartFailed(
                f"it runs and does not answer after {engine.READY_SECONDS:.0f} s; "
                f"{instance.log} says: {last_words(instance)}"
            )
        time.sleep(0.05)
    return False


def stop(name: str, folder: Path | None = None, *, wipe: bool = False) -> bool:
    """End it in order, by force when that takes too long; with `wipe` forget its data and its ports.

    Returns whether there was anything to do.
    """
    engine, place = ENGINES[name], home(folder)
    with locked(place / f"{name}.lock"):
        instance = read(place, name)
        if instance is None:
            return False
        running = [process for process in reversed(instance.processes) if processes.find(process)]
        for process in running:
            processes.end(process, engine.STOP, engine.STOP_SECONDS)
        if wipe:
            if instance.folder.exists():
                shutil.rmtree(instance.folder)
            (place / f"{name}.json").unlink()
        return wipe or bool(running)


def restart(name: str, folder: Path | None = None) -> Instance:
    """End it in order and start it again on the same ports and data. Raises `StartFailed`."""
    stop(name, folder)
    return start(name, folder)


def kill(name: str, folder: Path | None = None) -> Instance:
    """`kill -9` of the engine and of all that it has started; returns when they are gone."""
    instance = find(name, folder)
    processes.kill(instance.main)
    return instance


def suspend(name: str, folder: Path | None = None) -> Instance:
    """Halt it where it stands: its connections stay open and nobody answers on them."""
    return _signal(name, folder, signal.SIGSTOP)


def resume(name: str, folder: Path | None = None) -> Instance:
    """Let it go on."""
    return _signal(name, folder, signal.SIGCONT)


def _signal(name: str, folder: Path | None, number: signal.Signals) -> Instance:
    instance = find(name, folder)
    processes.send(processes.tree(instance.main), number)
    return instance
