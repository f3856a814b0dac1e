"""PostgreSQL, over TCP only, with a password: one cluster, a database for each bounded context."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from scripts.engines.contract import LOGIN, Missing, StartFailed, run_as, write_private
from scripts.engines.instance import ADDRESS, Instance, Process
from scripts.engines.processes import as_user, spawn
from shared.settings import CONTEXTS

PORTS: tuple[str, ...] = ("client",)
USER: str | None = "postgres"
STOP: signal.Signals = signal.SIGINT  # the fast shutdown: ends the sessions, keeps what was committed
STOP_SECONDS = 30.0
READY_SECONDS = 60.0

#: Room for the pools of many small processes.
OPTIONS = {"listen_addresses": ADDRESS, "unix_socket_directories": "", "max_connections": "300"}


def _programs() -> Path | None:
    """The folder of the newest server on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def missing() -> list[Missing]:
    """The server."""
    return [] if _programs() else [Missing("PostgreSQL's server", ("postgresql",))]


def prepare(instance: Instance) -> None:
    """Make the cluster once. Raises `StartFailed` with the last words of initdb."""
    programs = _programs()
    assert programs is not None
    data = instance.folder / "data"
    # Its process is known to have ended. PostgreSQL would take one that is dead and not yet buried for alive.
    (data / "postmaster.pid").unlink(missing_ok=True)
    if (data / "ready").exists():
        return
    shutil.rmtree(data, ignore_errors=True)  # an initdb that was cut short
    password = instance.folder / "password"
    write_private(password, instance.password)
    user = run_as(USER)
    if user:
        shutil.chown(password, user, user)
    command = [str(programs / "initdb"), "-D", str(data), "-U", LOGIN, "-A", "scram-sha-256", "-E", "UTF8"]
    command += ["--locale=C.UTF-8", "--no-sync", f"--pwfile={password}"]
    done = subprocess.run(as_user(command, user), capture_output=True, text=True, check=False, cwd=instance.folder)
    password.unlink()
    if done.returncode:
        raise StartFailed(f"initdb failed: {done.stderr.strip()}")
    (data / "ready").touch()


def launch(instance: Instance) -> tuple[Process, ...]:
    """One process, with a child a session."""
    programs = _programs()
    assert programs is not None
    options = [f"-c{name}={value}" for name, value in OPTIONS.items()]
    command = [str(programs / "postgres"), "-D", str(instance.folder / "data"), f"-p{instance.port}", *options]
    return (spawn(command, {"HOME": str(instance.folder)}, instance.log, run_as(USER)),)


def ready(instance: Instance) -> bool:
    """It answers a query."""
    import psycopg

    try:
        with psycopg.connect(_conninfo(instance), connect_timeout=3) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def furnish(instance: Instance) -> None:
    """The databases of the contexts."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(_conninfo(instance), autocommit=True) as connection:
        there = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for context in CONTEXTS:
            if context not in there:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(context)))


def _conninfo(instance: Instance) -> str:
    return f"postgresql://{LOGIN}:{instance.password}@{instance.address}/postgres"


def url(instance: Instance, database: str = "postgres") -> str:
    """A database, for SQLAlchemy. The user may make databases."""
    return f"postgresql+psycopg://{LOGIN}:{instance.password}@{instance.address}/{database}"


def environment(instance: Instance) -> dict[str, str]:
    """A database for each context."""
    return {f"BIZOSAAS_{name.upper()}_DATABASE_URL": url(instance, name) for name in CONTEXTS}
