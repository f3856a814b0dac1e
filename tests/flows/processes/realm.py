"""A realm of a test's own on engines that several tests share: databases, a virtual host, and names in Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import urllib3

from scripts.engines import postgres, rabbitmq
from scripts.trial.engines import ROOT, Engines
from tests.databases import Cluster

NAMES = ("postgres", "rabbitmq", "kafka")


class Realm:
    """Made with its queues and topics; `environment` holds the settings of a platform in it."""

    def __init__(self, engines: Engines, heartbeat: int = 0, session: int = 0) -> None:
        """`heartbeat` and `session` are after how many seconds RabbitMQ and Kafka take a silent reader for gone, 0 for
        what a platform has without a setting."""
        self._name = f"t{uuid4().hex[:12]}"
        self._management = rabbitmq.management_url(engines.find("rabbitmq"))
        self._cluster = Cluster(postgres.url(engines.find("postgres")))
        settings = engines.environment()
        work = settings["BIZOSAAS_WORK_URL"].rpartition("/")[0] + f"/{self._name}"
        facts = f"{settings['BIZOSAAS_FACTS_URL']}/{self._name}"
        settings["BIZOSAAS_WORK_URL"] = f"{work}?heartbeat={heartbeat}" if heartbeat else work
        settings["BIZOSAAS_FACTS_URL"] = f"{facts}?session={session}" if session else facts
        self.environment = {**settings, **self._cluster.urls(self._cluster.new())}
        self._ask("PUT", f"vhosts/{self._name}")
        self._apply()

    def _apply(self) -> None:
        command = [sys.executable, "-m", "scripts.topology", "apply"]
        environ = {**os.environ, **self.environment}
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _ask(self, method: str, path: str) -> None:
        parts = urlsplit(self._management)
        headers = urllib3.make_headers(basic_auth=f"{parts.username}:{parts.password}")
        address = f"http://{parts.hostname}:{parts.port}/api/{path}"
        answer = urllib3.request(method, address, headers=headers, timeout=30, retries=False)
        assert answer.status < 300, answer.data

    def close(self) -> None:
        """Forget what is in PostgreSQL and RabbitMQ; Kafka's topics go with the engines."""
        self._ask("DELETE", f"vhosts/{self._name}")
        self._cluster.close()
