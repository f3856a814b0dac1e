"""A PostgreSQL server of a test's own, to stop, start and fill up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.settings import CONTEXTS
from tests.flows.platform import free_port

USER = "postgres"


def programs() -> Path:
    """The folder of the newest server on this machine; skips the test (fails it in CI) where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        text = "PostgreSQL's server is not installed"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return found[-1].parent


class Server:
    """One server in a folder, over TCP on the loopback interface."""

    def __init__(self, folder: Path, connections: int = 12) -> None:
        """Makes the cluster and starts it. `folder` is made, and can be searched by the server's user."""
        self._programs = programs()
        self.folder = folder
        self.port = free_port()
        self._connections = connections
        folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        data = str(folder / "data")
        self._run("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)

    def start(self) -> None:
        """Returns when it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
        options += f"-c max_connections={self._connections}"
        arguments = ["-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", options]
        self._run("pg_ctl", *arguments, "start")

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is as a crash: no session is told, and the next start recovers."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    @property
    def url(self) -> str:
        """Of its first database, for SQLAlchemy."""
        return f"postgresql+psycopg://{USER}:not-shown@127.0.0.1:{self.port}/postgres"

    def urls(self) -> dict[str, str]:
        """The settings that put each context into a database of its own, which is made."""
        import psycopg

        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            for context in CONTEXTS:
                connection.execute(f"CREATE DATABASE {context}".encode())
        base = self.url.rpartition("/")[0]
        return {f"BIZOSAAS_{context.upper()}_DATABASE_URL": f"{base}/{context}" for context in CONTEXTS}
