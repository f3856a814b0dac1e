"""A URL names the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from events.topology import TopicSpec, Topology
from shared.bus import bus_file, open_bus, open_publisher
from shared.bus.embedded import EmbeddedBus
from shared.bus.pair import PairBus
from shared.bus.port import Message
from shared.bus.rabbitmq import RabbitBus
from shared.errors import Invalid, TryAgain
from shared.settings import read_settings


def test_a_sqlite_url_is_the_embedded_bus_on_that_file(tmp_path):
    url = f"sqlite:///{tmp_path}/bus.db"
    publisher, bus = open_publisher(url), open_bus(url)
    publisher.send([("auto_orders", Message("a", b""))])
    assert [delivery.message.id for delivery in bus.lease("auto_orders", 1, 30)] == ["a"]
    assert bus_file(url) == tmp_path / "bus.db"
    assert isinstance(publisher, EmbeddedBus)
    publisher.close()
    bus.close()


def test_a_relative_path_is_relative():
    assert bus_file("sqlite:///home/bus.db") == Path("home/bus.db")


def test_opening_takes_another_topology(tmp_path):
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", Topology({}, {"t": TopicSpec("t", 1)}))
    bus.send([], [("t", Message("f", b""))])
    assert [record.message.id for record in bus.read(["t"], "g", 1, 30)] == ["f"]
    bus.close()


@pytest.mark.parametrize("url", ["amqp://user:secret@host", "sqlite:///", "", "/a/path"])
def test_a_url_that_names_no_engine_is_refused_without_showing_its_password(url):
    with pytest.raises(Invalid, match="bus_url: must be sqlite:///") as caught:
        open_bus(url)
    assert "secret" not in caught.value.detail


def test_the_engines_of_the_settings_are_joined_each_in_its_place(tmp_path):
    settings = read_settings({"BIZOSAAS_HOME": str(tmp_path), "BIZOSAAS_WORK_URL": "amqp://user:secret@127.0.0.1:1/v"})
    assert "secret" not in repr(settings)
    bus = open_bus(settings.bus_url)
    assert isinstance(bus, PairBus)
    assert isinstance(bus._work, RabbitBus)
    bus.send([], [("domain.orders", Message("f", b""))])  # the facts' half is the embedded one
    with pytest.raises(TryAgain, match=r"RabbitMQ at 127\.0\.0\.1:1: ") as caught:
        bus.send([("auto_orders", Message("w", b""))])
    assert "secret" not in caught.value.detail
    bus.close()


def test_without_a_real_engine_the_embedded_bus_does_both(tmp_path):
    settings = read_settings({"BIZOSAAS_HOME": str(tmp_path)})
    assert isinstance(open_bus(settings.bus_url), EmbeddedBus)


def test_opening_the_embedded_bus_loads_no_brokers_library():
    code = "import sys; from shared.bus import open_bus; open_bus('sqlite:///x.db'); print('pika' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
