"""Apache Kafka, one node that is broker and controller (KRaft). Its jars come from Maven Central, once a version."""

from __future__ import annotations

import base64
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from scripts.engines.contract import Missing, StartFailed
from scripts.engines.instance import ADDRESS, Instance, Process, cache, locked
from scripts.engines.processes import spawn

PORTS: tuple[str, ...] = ("client", "controller")
USER: str | None = None
STOP: signal.Signals = signal.SIGTERM
STOP_SECONDS = 30.0
READY_SECONDS = 120.0

VERSION = "4.1.0"
JAVA = 17  # what Kafka 4's broker needs at least
JARS = (
    ("org.apache.kafka", "kafka_2.13", VERSION),
    ("org.apache.kafka", "kafka-tools", VERSION),
    ("org.slf4j", "slf4j-simple", "1.7.36"),  # without a binding its log goes nowhere
)
POM = """\
<project><modelVersion>4.0.0</modelVersion>
<groupId>bizosaas</groupId><artifactId>kafka</artifactId><version>{version}</version><dependencies>
{dependencies}
</dependencies></project>
"""
HEAP = ("-Xms192m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

#: Kafka protocol guide: Metadata (3) version 4, our number 1, no client id, no topics, none to be created.
METADATA_REQUEST = struct.pack(">hhihi?", 3, 4, 1, -1, 0, False)

#: One node keeps one copy of everything; few partitions of the internal topics start faster.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{address}:{controller}
listeners=PLAINTEXT://{address}:{client},CONTROLLER://{address}:{controller}
advertised.listeners=PLAINTEXT://{address}:{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=2097152
"""


def jars() -> Path:
    """Where they are kept."""
    return cache() / f"kafka-{VERSION}"


def missing() -> list[Missing]:
    """A Java that is new enough; Maven as long as the jars are not there."""
    found = []
    if _java_version() < JAVA:
        found.append(Missing(f"Java {JAVA} or newer", ("default-jre-headless",)))
    if not jars().exists() and not shutil.which("mvn"):
        found.append(Missing("Maven, which brings Kafka's jars", ("maven",)))
    return found


def _java_version() -> int:
    """0 where there is none."""
    if not shutil.which("java"):
        return 0
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return int(version[1]) if version else 0


def cluster_id() -> str:
    """16 random bytes in URL-safe base64; never with a "-" in front, which would be read as an option."""
    random = bytes([secrets.randbelow(0xF8)]) + secrets.token_bytes(15)  # 62, the number of "-", in the upper six bits
    return base64.urlsafe_b64encode(random).decode().rstrip("=")


def prepare(instance: Instance) -> None:
    """The jars, the configuration, and the storage formatted once. Raises `StartFailed`."""
    _fetch_jars()
    properties = instance.folder / "server.properties"
    used = {"advertised": instance.port, **instance.ports}
    properties.write_text(PROPERTIES.format(address=ADDRESS, folder=instance.folder, **used))
    if (instance.folder / "data" / "meta.properties").exists():
        return
    command = _java("kafka.tools.StorageTool", "format", "-t", cluster_id(), "-c", str(properties))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartFailed(f"Kafka's storage cannot be formatted: {(done.stderr or done.stdout).strip()[-500:]}")


def _fetch_jars() -> None:
    folder = jars()
    with locked(folder.with_name(f"{folder.name}.lock")):
        if folder.exists():
            return
        with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
            dependencies = "\n".join(
                f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
                "</dependency>"
                for group, name, version in JARS
            )
            (Path(draft) / "pom.xml").write_text(POM.format(version=VERSION, dependencies=dependencies))
            command = ["mvn", "-q", "-B", "-C", "dependency:copy-dependencies", "-DoutputDirectory=libs"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=draft)
            if done.returncode:
                raise StartFailed(f"Maven cannot bring Kafka's jars: {done.stdout.strip()[-500:]}")
            (Path(draft) / "libs").rename(folder)


def _java(*arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    return ["java", *options, "-cp", f"{jars()}/*", *arguments]


def launch(instance: Instance) -> tuple[Process, ...]:
    """One process."""
    command = _java("kafka.Kafka", str(instance.folder / "server.properties"), options=HEAP)
    return (spawn(command, {"HOME": str(instance.folder)}, instance.log),)


def ready(instance: Instance) -> bool:
    """It tells its metadata, with a broker in it."""
    try:
        with socket.create_connection((ADDRESS, instance.port), 2) as connection:
            connection.settimeout(4)
            connection.sendall(struct.pack(">i", len(METADATA_REQUEST)) + METADATA_REQUEST)
            answer = b""
            while len(answer) < 16 and (part := connection.recv(16 - len(answer))):
                answer += part
    except OSError:
        return False
    # the size, our number again, the throttle time, the number of brokers
    return len(answer) == 16 and struct.unpack(">iiii", answer)[3] > 0


def furnish(instance: Instance) -> None:
    """Nothing: `scripts/topology` declares the topics."""


def url(instance: Instance) -> str:
    """The bootstrap server, as clients take it."""
    return instance.address


def environment(instance: Instance) -> dict[str, str]:
    """The engine for facts; it is one broker, so there is one copy of each partition."""
    return {
        "BIZOSAAS_FACTS_URL": f"kafka://{url(instance)}",
        "BIZOSAAS_TOPIC_REPLICATION": "1",
        "BIZOSAAS_TOPIC_IN_SYNC": "1",
    }
