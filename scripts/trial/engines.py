"""Real engines of a trial's own, in a folder, with a network before them that can be broken; wiped at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import urllib3

from scripts import services
from scripts.engines import rabbitmq, s3
from scripts.engines.instance import ADDRESS, Instance
from scripts.trial.proxy import Proxy

ROOT = Path(__file__).resolve().parents[2]
ALL = tuple(services.ENGINES)
VARIABLE = "TRIAL_MANAGEMENT_URL"


class Engines:
    """The engines of one trial, by name. As a context manager it starts them and wipes them, whatever happens."""

    def __init__(self, folder: Path, names: Sequence[str] = ALL, behind: Collection[str] = ()) -> None:
        """`behind` are those that the platform reaches through a proxy only: `proxies[name]` cuts or slows the way."""
        self.folder = folder
        self.names = tuple(names)
        self.proxies: dict[str, Proxy] = {name: Proxy() for name in names if name in behind}
        self._kept: dict[str, bytes] = {}

    def __enter__(self) -> Engines:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, news: services.News = lambda *_: None) -> Engines:
        """Start them side by side and make the queues and topics. Raises `StartFailed`."""
        advertised = {name: proxy.port for name, proxy in self.proxies.items()}
        services.up(self.names, self.folder, news, advertised)
        for name, proxy in self.proxies.items():
            proxy.lead_to(ADDRESS, self.find(name).port)
        if {"rabbitmq", "kafka"} & set(self.names):
            self.topology("apply")
        return self

    def topology(self, *arguments: str) -> None:
        """`scripts/topology` on these engines. Raises `RuntimeError` with its words."""
        command = [sys.executable, "-m", "scripts.topology", *arguments]
        environ = {**os.environ, **self.environment()}
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"scripts/topology {' '.join(arguments)}: {done.stdout}{done.stderr}")

    def find(self, name: str) -> Instance:
        """One of them."""
        return services.find(name, self.folder)

    def environment(self) -> dict[str, str]:
        """The settings of a platform on them: through the proxies, where there are some."""
        found: dict[str, str] = {}
        for name in self.names:
            found |= services.ENGINES[name].environment(self._as_reached(name))
        if "rabbitmq" in self.names:  # who counts asks the broker itself what is delivered and not acknowledged
            found[VARIABLE] = rabbitmq.management_url(self.find("rabbitmq"))
        return found

    def _as_reached(self, name: str) -> Instance:
        instance = self.find(name)
        proxy = self.proxies.get(name)
        return replace(instance, ports={**instance.ports, "client": proxy.port}) if proxy else instance

    def kill(self, name: str) -> None:
        """kill -9 of it and of all of its own."""
        services.kill(name, self.folder)

    def start_again(self, name: str) -> None:
        """After `kill`: the same ports, the same data; returns when it answers. Raises `StartFailed`."""
        services.start(name, self.folder)

    def restart(self, name: str) -> None:
        """In order. Raises `StartFailed`."""
        services.restart(name, self.folder)

    def suspend(self, name: str) -> None:
        """It holds its connections and answers nobody, until `resume`."""
        services.suspend(name, self.folder)

    def resume(self, name: str) -> None:
        """Let it go on."""
        services.resume(name, self.folder)

    def kill_objects(self) -> int:
        """kill -9 of S3's server, which keeps its objects in memory only; they are kept here for `restore_objects`.
        The way to it must be cut, so that none comes meanwhile. Returns how many there are."""
        pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=s3.BUCKET)
        names = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        self._kept = {name: self._s3().get_object(Bucket=s3.BUCKET, Key=name)["Body"].read() for name in names}
        self.kill("s3")
        return len(self._kept)

    def restore_objects(self) -> None:
        """Start S3's server again, with what it had."""
        self.start_again("s3")
        for name, body in self._kept.items():
            self._s3().put_object(Bucket=s3.BUCKET, Key=name, Body=body)
        self._kept = {}

    def _s3(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=s3.url(self.find("s3")),
            region_name=s3.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def heal(self) -> None:
        """Have all of them up, and the network whole."""
        for proxy in self.proxies.values():
            proxy.heal()
        services.up(self.names, self.folder)

    def memory(self) -> dict[str, int]:
        """The bytes that each holds."""
        from scripts.engines import processes

        return {name: processes.memory(self.find(name).main) for name in self.names}

    def close(self) -> None:
        """End them and forget their data."""
        for proxy in self.proxies.values():
            proxy.close()
        services.down(self.names, self.folder, wipe=True)


def unacknowledged(environ: Mapping[str, str]) -> int:
    """How many messages RabbitMQ has delivered and not been told of, by its management API, which may be some seconds
    behind; 0 where the work is on another engine. Raises `OSError` when it cannot be asked."""
    url = environ.get(VARIABLE)
    if not url:
        return 0
    parts = urllib3.util.parse_url(url)
    headers = urllib3.make_headers(basic_auth=parts.auth)
    address = f"http://{parts.netloc}/api/queues?columns=name,messages_unacknowledged"
    try:
        answer = urllib3.request("GET", address, headers=headers, timeout=10, retries=False)
        return sum(int(queue.get("messages_unacknowledged", 0)) for queue in answer.json())
    except (urllib3.exceptions.HTTPError, ValueError, AttributeError) as error:
        raise OSError(f"RabbitMQ's management API does not answer ({type(error).__name__})") from None
