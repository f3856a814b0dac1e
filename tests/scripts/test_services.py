"""The real engines start, come back with what they held, and end; each test has its own, in a folder of its own."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scripts import services
from scripts.engines import fleet, install, postgres, processes, rabbitmq, show
from scripts.engines.contract import Missing
from scripts.engines.instance import Instance, Process, read, write
from tests import engines

ROOT = Path(__file__).resolve().parents[2]
#: A broker that checks its data after a kill, on a machine that runs all the other tests too.
PATIENT = pytest.mark.timeout(400)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where the test's engines are; they end with it."""
    yield tmp_path
    services.down(folder=tmp_path, wipe=True)


def _start(name: str, place: Path) -> Instance:
    lacking = services.ENGINES[name].missing()
    if lacking and not os.environ.get("CI"):
        pytest.skip(f"not installed: {lacking[0].what}")
    return services.start(name, place)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.services", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _command_line(process: Process) -> list[str]:
    found = processes.find(process)
    assert found is not None
    return found.cmdline()


# What each keeps: (write it, read it back).


def _put_redis(instance: Instance) -> None:
    import redis

    with redis.Redis.from_url(services.ENGINES["redis"].url(instance)) as client:
        client.set("kept", "yes")


def _get_redis(instance: Instance) -> bool:
    import redis

    with redis.Redis.from_url(services.ENGINES["redis"].url(instance)) as client:
        return bool(client.get("kept") == b"yes")


def _put_postgres(instance: Instance) -> None:
    import psycopg

    with psycopg.connect(postgres.url(instance, "orchestration").replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'yes' AS word")


def _get_postgres(instance: Instance) -> bool:
    import psycopg

    with psycopg.connect(postgres.url(instance, "orchestration").replace("+psycopg", "")) as connection:
        return connection.execute("SELECT word FROM kept").fetchone() == ("yes",)


def _put_rabbitmq(instance: Instance) -> None:
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url(instance)))
    channel = connection.channel()
    channel.queue_declare("kept", durable=True)
    channel.confirm_delivery()
    channel.basic_publish("", "kept", b"yes", pika.BasicProperties(delivery_mode=2), mandatory=True)
    connection.close()
    # A queue is in the broker's own database before it is on the disk: a kill within seconds could lose it.
    subprocess.run(
        ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--quiet", "eval", "mnesia:sync_log()."],
        env=os.environ | rabbitmq.tool_environment(instance), check=True, capture_output=True,
    )  # fmt: skip


def _get_rabbitmq(instance: Instance) -> bool:
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url(instance)))
    _, _, body = connection.channel().basic_get("kept", auto_ack=True)
    connection.close()
    return bool(body == b"yes")


def _put_kafka(instance: Instance) -> None:
    from kafka import KafkaAdminClient, KafkaProducer
    from kafka.admin import NewTopic

    admin = KafkaAdminClient(bootstrap_servers=instance.address)
    admin.create_topics([NewTopic("kept", 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=instance.address, acks="all")
    producer.send("kept", b"yes").get(30)
    producer.close()


def _get_kafka(instance: Instance) -> bool:
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        "kept", bootstrap_servers=instance.address, auto_offset_reset="earliest", consumer_timeout_ms=30_000
    )
    try:
        return bool(next(consumer).value == b"yes")
    finally:
        consumer.close()


KEEPERS: dict[str, tuple[Callable[[Instance], None], Callable[[Instance], bool]]] = {
    "redis": (_put_redis, _get_redis),
    "postgres": (_put_postgres, _get_postgres),
    "rabbitmq": (_put_rabbitmq, _get_rabbitmq),
    "kafka": (_put_kafka, _get_kafka),
}


@PATIENT
@pytest.mark.parametrize("name", KEEPERS)
def test_a_killed_engine_comes_back_on_its_address_with_its_data(name: str, place: Path) -> None:
    put, get = KEEPERS[name]
    first = _start(name, place)
    put(first)
    assert services.start(name, place) == first, "one that answers is left"

    services.kill(name, place)
    assert fleet.answering(name, place) is None
    assert show.state_of(name, place).state == "down"

    second = services.start(name, place)
    assert second.main != first.main
    assert (second.ports, second.password) == (first.ports, first.password)
    assert get(second)


@PATIENT
@pytest.mark.parametrize("name", services.ENGINES)
def test_an_engine_listens_on_the_loopback_only_and_down_ends_all_of_it(name: str, place: Path) -> None:
    instance = _start(name, place)
    members = [member for process in instance.processes for member in processes.tree(process)]
    pids = {member.pid for member in members}
    listening = {
        (ipaddress.ip_address(found.laddr.ip), found.laddr.port)
        for found in psutil.net_connections("inet")
        if found.pid in pids and found.status == psutil.CONN_LISTEN
    }
    assert {port for _, port in listening} == set(instance.ports.values())
    assert all((getattr(address, "ipv4_mapped", None) or address).is_loopback for address, _ in listening)
    assert not any(instance.password in word for process in instance.processes for word in _command_line(process))

    assert services.down([name], place) == [name]
    assert not any(processes.find(member) for member in members)
    assert services.down([name], place) == [], "a second time there is nothing to do"
    assert services.down([name], place, wipe=True) == [name]
    assert not instance.folder.exists()
    assert read(place, name) is None


def test_s3_has_only_the_platforms_bucket_again_after_a_kill(place: Path) -> None:
    import boto3

    def client(instance: Instance):
        settings = services.ENGINES["s3"].environment(instance)
        return boto3.client(
            "s3",
            endpoint_url=settings["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
            region_name=settings["AWS_DEFAULT_REGION"],
        )

    first = client(_start("s3", place))
    first.create_bucket(Bucket="gone")
    first.put_object(Bucket="gone", Key="word", Body=b"yes")
    assert first.get_object(Bucket="gone", Key="word")["Body"].read() == b"yes"
    services.kill("s3", place)
    assert [one["Name"] for one in client(_start("s3", place)).list_buckets()["Buckets"]] == ["bizosaas"]


def test_two_ups_at_once_start_one(place: Path) -> None:
    command = [sys.executable, "-m", "scripts.services", "up", "redis", "postgres", "--dir", str(place)]
    if services.ENGINES["postgres"].missing() and not os.environ.get("CI"):
        command.remove("postgres")
    both = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=100)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    started = "".join(said)
    assert started.count("redis     starting") == 1
    assert started.count("redis     ready") == 2


def test_a_taken_port_is_named_with_the_cure_and_up_works_once_it_is_free(place: Path) -> None:
    instance = _start("redis", place)
    services.kill("redis", place)
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", instance.port))
        thief.listen()
        done = _run("up", "redis", "--dir", str(place))
        assert done.returncode == 1
        assert f"redis: port {instance.port} is taken by another process" in done.stderr
        assert "scripts/services down --wipe redis" in done.stderr
    assert services.start("redis", place).port == instance.port


def test_a_suspended_engine_does_not_answer_until_it_is_resumed(place: Path) -> None:
    instance = _start("redis", place)
    services.suspend("redis", place)
    assert fleet.answering("redis", place) is None
    assert show.state_of("redis", place).state == "suspended"
    services.resume("redis", place)
    assert fleet.answering("redis", place) == instance

    services.suspend("redis", place)
    assert services.start("redis", place) == instance, "up resumes it"
    services.suspend("redis", place)
    assert services.down(["redis"], place) == ["redis"], "and down ends it"


def test_up_at_the_moment_of_a_kill_starts_it_anew(place: Path) -> None:
    first = _start("redis", place)
    assert first.main is not None
    os.kill(first.main.pid, signal.SIGKILL)
    assert services.start("redis", place).main != first.main


def test_a_restart_is_another_process_on_the_same_port(place: Path) -> None:
    first = _start("redis", place)
    second = services.restart("redis", place)
    assert second.port == first.port
    assert second.main != first.main


def test_an_engine_that_cannot_start_says_why_in_its_own_words(place: Path) -> None:
    instance = _start("redis", place)
    services.stop("redis", place)
    for manifest in (instance.folder / "appendonlydir").glob("*.manifest"):
        manifest.write_text("nonsense\n")
    with pytest.raises(services.StartFailed, match=r"it ended while it started; .*log.txt says: (.|\n)*manifest"):
        services.start("redis", place)


def test_down_leaves_a_process_that_has_only_the_same_id(place: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        older = Process(stranger.pid, psutil.Process(stranger.pid).create_time() - 60)
        write(place, Instance("redis", place / "redis", {"client": 20000}, "secret", (older,)))
        assert services.down(["redis"], place) == []
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_the_password_is_in_the_state_file_and_nowhere_for_others_to_see(place: Path) -> None:
    instance = _start("redis", place)
    assert stat.S_IMODE((place / "redis.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(instance.folder.stat().st_mode) == 0o700
    assert instance.password not in repr(instance)
    done = _run("status", "redis", "--dir", str(place))
    assert done.returncode == 0
    assert instance.address in done.stdout
    assert instance.password not in done.stdout


def test_status_as_json_says_what_runs_and_what_does_not(place: Path) -> None:
    instance = _start("redis", place)
    done = _run("status", "--json", "redis", "kafka", "--dir", str(place))
    assert done.returncode == 1, "not all are up"
    redis, kafka = json.loads(done.stdout)
    assert (redis["name"], redis["state"], redis["address"]) == ("redis", "up", instance.address)
    assert instance.main is not None
    assert redis["pid"] == instance.main.pid
    assert 1_000_000 < redis["memory_bytes"] < 300_000_000
    assert 0 <= redis["up_seconds"] < 120
    assert kafka == {
        "name": "kafka",
        "state": "never started",
        "address": None,
        "pid": None,
        "memory_bytes": None,
        "up_seconds": None,
    }


def test_env_sets_what_the_platform_reads(place: Path) -> None:
    instance = _start("redis", place)
    done = _run("env", "redis", "--dir", str(place))
    shown = subprocess.run(
        ["sh", "-c", f"{done.stdout}\nprintenv BIZOSAAS_CACHE_URL"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == f"redis://:{instance.password}@{instance.address}/0"


def test_env_of_an_engine_that_is_not_up_stops_what_follows(place: Path) -> None:
    done = _run("env", "redis", "--dir", str(place))
    assert done.returncode == 1
    assert "scripts/services up redis" in done.stderr
    after = subprocess.run(["sh", "-c", f"eval '{done.stdout}' && echo started"], capture_output=True, check=False)
    assert after.stdout == b""


def test_an_unknown_engine_is_refused() -> None:
    done = _run("up", "oracle")
    assert done.returncode == 2
    assert "oracle is none of postgres, rabbitmq, kafka, redis, s3" in done.stderr


def test_hurting_what_was_never_started_says_so(place: Path) -> None:
    with pytest.raises(LookupError, match=r"redis was never started in .*: scripts/services up redis"):
        services.kill("redis", place)


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for apt-get that notes how it is called, and whether services may start meanwhile."""
    notes, policy = tmp_path / "notes", tmp_path / "policy-rc.d"
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n{policy}; echo "$1 $? $*" >> {notes}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(install, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return notes


LACKING = Missing("A good engine", ("engine-server", "engine-tools"))


def test_root_installs_what_is_missing_at_once_and_lets_nothing_start(apt: Path) -> None:
    install.provide(lambda: [] if apt.exists() else [LACKING, Missing("Another", ("another",))], lambda _: None)
    update, added = apt.read_text().splitlines()
    assert update.startswith("-q 101 -q update"), "101 is policy-rc.d's word for: do not start it"
    assert added.startswith("-q 101 -q install")
    assert added.endswith("another engine-server engine-tools")
    assert not install.POLICY.exists()


def test_what_is_still_missing_after_the_installation_is_an_error(apt: Path) -> None:
    with pytest.raises(services.StartFailed, match="A good engine, also after apt-get install"):
        install.provide(lambda: [LACKING], lambda _: None)
    assert not install.POLICY.exists()


def test_a_policy_of_the_machine_stays(apt: Path) -> None:
    install.POLICY.write_text("#!/bin/sh\nexit 7\n")
    install.POLICY.chmod(0o755)
    install.provide(lambda: [] if apt.exists() else [LACKING], lambda _: None)
    assert apt.read_text().startswith("-q 7 ")
    assert install.POLICY.read_text() == "#!/bin/sh\nexit 7\n"


def test_who_may_not_install_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(services.StartFailed, match=r"A good engine; .*sudo apt-get install engine-server engine"):
        install.provide(lambda: [LACKING], lambda _: None)


def test_a_test_without_its_engine_skips_at_home_and_fails_in_ci(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIZOSAAS_SERVICES_DIR", str(place))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="redis is not up: scripts/services up redis"):
        engines.redis_url()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="redis is not up: scripts/services up redis"):
        engines.redis_url()
    _start("redis", place)
    assert engines.redis_url().startswith("redis://:")


def test_the_id_of_a_kafka_cluster_is_never_taken_for_an_option() -> None:
    """One of 64 random ids would begin with "-"."""
    from scripts.engines.kafka import cluster_id

    ids = [cluster_id() for _ in range(2000)]
    assert {len(one) for one in ids} == {22}
    assert not [one for one in ids if one.startswith("-")]
