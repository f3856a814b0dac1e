"""scripts/topology says what is missing or different, makes what is missing, and takes nothing away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from secrets import token_hex
from urllib.parse import quote, urlsplit

import pytest

from events.topology import TOPOLOGY
from scripts import topology
from shared.bus.kafka import kafka_address
from shared.errors import Invalid
from tests.engines import kafka_servers, rabbitmq_url
from tests.shared.bus.engines.kafka import remove_namespace
from tests.shared.bus.engines.rabbitmq import manage


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty virtual host, and the setting that names it."""
    name = f"topology-{token_hex(4)}"
    manage("PUT", f"vhosts/{name}")
    user = quote(urlsplit(rabbitmq_url()).username or "")
    manage("PUT", f"permissions/{name}/{user}", {"configure": ".*", "write": ".*", "read": ".*"})
    url = urlsplit(rabbitmq_url())._replace(path=f"/{name}").geturl()
    monkeypatch.setenv("BIZOSAAS_WORK_URL", url)
    yield url
    manage("DELETE", f"vhosts/{name}")


def rows(capsys, *arguments):
    code = topology.main([*arguments, "--json"])
    return code, {row["name"]: row["state"] for row in json.loads(capsys.readouterr().out)}


def test_what_is_missing_is_shown_made_once_and_then_as_it_should_be(broker, capsys):
    code, found = rows(capsys)
    assert (code, set(found.values())) == (1, {"missing"})
    for spec in TOPOLOGY.queues.values():
        assert {spec.name, spec.dead_letter} <= set(found)
    for verb in ("apply", "show", "apply"):
        code, found = rows(capsys, verb)
        assert (code, set(found.values())) == (0, {"same"})


def test_what_is_different_is_shown_and_never_changed(broker, capsys):
    topology.main(["apply"])
    capsys.readouterr()
    assert topology.main(["--max-length", "7"]) == 65
    shown = capsys.readouterr().out
    assert "auto_orders" in shown
    assert "different" in shown
    assert topology.main(["apply", "--max-length", "7"]) == 65
    assert "not changed: auto_orders, " in capsys.readouterr().err
    assert rows(capsys)[0] == 0


def test_a_platform_does_not_start_on_brokers_that_lack_a_queue(broker):
    """What is sent to a queue that is not there waits until it is: better to say so at once, with the cure."""
    with pytest.raises(Invalid, match=r"lack \d+ queues and topics \(.+\): scripts/topology apply"):
        topology.require()
    topology.main(["apply"])
    topology.require()


def test_the_embedded_bus_needs_no_topology(monkeypatch):
    monkeypatch.delenv("BIZOSAAS_WORK_URL", raising=False)
    monkeypatch.delenv("BIZOSAAS_FACTS_URL", raising=False)
    topology.require()


def test_no_broker_and_one_that_is_away_have_codes_of_their_own(monkeypatch, capsys):
    monkeypatch.delenv("BIZOSAAS_WORK_URL", raising=False)
    assert topology.main([]) == 65
    monkeypatch.setenv("BIZOSAAS_WORK_URL", "amqp://user:secret@127.0.0.1:1/v")
    assert topology.main([]) == 75
    told = capsys.readouterr().err
    assert "RabbitMQ at 127.0.0.1:1" in told
    assert "secret" not in told


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A namespace without topics on the one Kafka that tests have, and the settings for it."""
    url = f"kafka://{kafka_servers()}/test-{token_hex(4)}"
    monkeypatch.setenv("BIZOSAAS_FACTS_URL", url)
    monkeypatch.setenv("BIZOSAAS_TOPIC_REPLICATION", "1")
    monkeypatch.setenv("BIZOSAAS_TOPIC_IN_SYNC", "1")
    yield url
    remove_namespace(kafka_address(url))


def test_topics_are_shown_and_made_and_more_partitions_only_when_asked(log, capsys, monkeypatch):
    orders = kafka_address(log).name("domain.orders")
    assert rows(capsys)[0] == 1
    code, found = rows(capsys, "apply")
    assert (code, set(found.values()), len(found)) == (0, {"same"}, 2 * len(TOPOLOGY.topics))
    monkeypatch.setenv("BIZOSAAS_TOPIC_PARTITIONS", "domain.orders=4")
    code, found = rows(capsys, "apply")
    assert (code, found[orders]) == (65, "different")
    assert rows(capsys, "apply", "--grow")[0] == 0
