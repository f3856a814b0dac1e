"""Real engines of a benchmark's own, in its folder: started for it, measured apart from our processes, taken away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import make_url

from scripts import services
from scripts.benchmarks import machine
from scripts.benchmarks.measure import Bench, Skipped
from scripts.engines.instance import Instance
from scripts.engines.table import ENGINES
from shared.settings import CONTEXTS

ROOT = Path(__file__).resolve().parents[2]
ALL = tuple(ENGINES)


@dataclass(frozen=True)
class Usage:
    """What the engines took while something was measured: CPU seconds by engine."""

    cpu: Mapping[str, float]

    def __sub__(self, before: Usage) -> Usage:
        return Usage({name: seconds - before.cpu[name] for name, seconds in self.cpu.items()})

    @property
    def total(self) -> float:
        """CPU seconds of all of them."""
        return sum(self.cpu.values())


class Engines:
    """Engines that run, by their names."""

    def __init__(self, instances: Mapping[str, Instance]) -> None:
        """`instances` answer."""
        self._instances = instances

    def environment(self) -> dict[str, str]:
        """The settings to use them, as `scripts/services env` gives them."""
        return {
            key: value
            for name, instance in self._instances.items()
            for key, value in ENGINES[name].environment(instance).items()
        }

    def url(self, name: str) -> str:
        """An engine's address, with the password."""
        return ENGINES[name].url(self._instances[name])

    def usage(self) -> Usage:
        """Until now."""
        return Usage({name: machine.tree_cpu_seconds(self._pid(name)) for name in self._instances})

    def memory_mib(self) -> float:
        """Of all of them (PSS)."""
        return sum(machine.tree_memory_mib(self._pid(name)) for name in self._instances)

    def _pid(self, name: str) -> int:
        process = self._instances[name].main
        assert process is not None
        return process.pid


@contextmanager
def engines(bench: Bench, names: Sequence[str] = ALL) -> Iterator[Engines]:
    """Fresh engines. Raises `Skipped`, with the cure, where one is not installed."""
    lacking = [name for name in names if ENGINES[name].missing()]
    if lacking:
        raise Skipped(f"not installed: {', '.join(lacking)}; scripts/services up {' '.join(lacking)} as root does it")
    folder = bench.folder / "engines"
    with ExitStack() as stack:
        started = {}
        for name in names:
            bench.say(f"starting {name}")
            stack.callback(services.stop, name, folder, wipe=True)
            started[name] = services.start(name, folder)
        yield Engines(started)


def make_topology(environment: Mapping[str, str]) -> None:
    """Make the queues and topics of the brokers that the environment names."""
    command = [sys.executable, "-m", "scripts.topology", "apply", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the topology could not be made: {done.stderr[-500:] or done.stdout[-500:]}")


def migrate(environment: Mapping[str, str], then: str = "") -> None:
    """Make the tables in the databases that the environment names; `then` is Python to run after it."""
    command = [sys.executable, "-c", f"from shared.store.migrate import migrate_all; migrate_all(); {then}"]
    subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, check=True)


def new_databases(server: str) -> dict[str, str]:
    """Settings of a new database for all contexts, a schema each. `server` is an address whose user may make it."""
    import psycopg
    from psycopg import sql

    url = make_url(server).set(drivername="postgresql")
    name = f"bench_{uuid4().hex}"
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(url.set(database=name).render_as_string(hide_password=False), autocommit=True) as connection:
        for context in CONTEXTS:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(context)))
    own = make_url(server).set(database=name)
    return {
        f"BIZOSAAS_{context.upper()}_DATABASE_URL": own.update_query_dict(
            {"options": f"-csearch_path={context}"}
        ).render_as_string(hide_password=False)
        for context in CONTEXTS
    }
