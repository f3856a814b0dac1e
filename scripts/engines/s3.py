"""S3: moto's server. Its objects are in its memory: they are gone when it ends."""

from __future__ import annotations

import http.client
import json
import signal
import sys

from scripts.engines.contract import Missing
from scripts.engines.instance import ADDRESS, Instance, Process
from scripts.engines.processes import spawn

PORTS: tuple[str, ...] = ("client",)
USER: str | None = None
STOP: signal.Signals = signal.SIGTERM
STOP_SECONDS = 10.0
READY_SECONDS = 60.0
REGION = "us-east-1"
BUCKET = "bizosaas"


def missing() -> list[Missing]:
    """Nothing: the server comes with the environment."""
    return []


def prepare(instance: Instance) -> None:
    """Nothing."""


def launch(instance: Instance) -> tuple[Process, ...]:
    """One process. It never asks the machine that it runs on for credentials of a cloud."""
    command = [sys.executable, "-m", "moto.server", "-H", ADDRESS, "-p", str(instance.port)]
    environ = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(instance.folder)}
    return (spawn(command, environ, instance.log),)


def ready(instance: Instance) -> bool:
    """It answers its own API."""
    connection = http.client.HTTPConnection(ADDRESS, instance.port, timeout=2)
    try:
        connection.request("GET", "/moto-api/data.json")
        answer = connection.getresponse()
        return answer.status == 200 and isinstance(json.load(answer), dict)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def furnish(instance: Instance) -> None:
    """The platform's bucket; it is gone with the server's memory, and made again with the server."""
    connection = http.client.HTTPConnection(ADDRESS, instance.port, timeout=10)
    try:
        connection.request("PUT", f"/{BUCKET}")
        connection.getresponse().read()
    finally:
        connection.close()


def url(instance: Instance) -> str:
    """The endpoint; any credentials do."""
    return f"http://{instance.address}"


def environment(instance: Instance) -> dict[str, str]:
    """The engine for objects, and what boto3 reads by itself."""
    return {
        "BIZOSAAS_OBJECTS_URL": f"s3://{BUCKET}",
        "AWS_ENDPOINT_URL_S3": url(instance),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }
