"""An address names brokers and a namespace; what is no address is refused without being shown."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.bus import open_bus
from shared.bus.kafka import KafkaAddress, KafkaFacts, kafka_address
from shared.bus.port import Message
from shared.errors import Invalid


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("kafka://localhost:9092", KafkaAddress(("localhost:9092",))),
        ("kafka://a.b:1,c:2", KafkaAddress(("a.b:1", "c:2"))),
        ("kafka://[::1]:9092/shop-1", KafkaAddress(("[::1]:9092",), "shop-1")),
        ("kafka://h:1?session=6", KafkaAddress(("h:1",), "", 6)),
        ("kafka://h:1/shop?session=1800", KafkaAddress(("h:1",), "shop", 1800)),
    ],
)
def test_brokers_and_namespace_are_read(url, address):
    assert kafka_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("kafka://", "kafka://host", "kafka://u:secret@host:1", "amqp://secret:1", "kafka://h:1,"),
        *("kafka://h:1/secret.x", "kafka://h:1?session=5", "kafka://h:1?session=1801", "kafka://h:1?secret=7"),
        *("kafka://h:1?", "kafka://h:1?session=6&secret=1"),
    ],
)
def test_what_is_no_address_is_refused_without_being_shown(url):
    with pytest.raises(Invalid, match="BIZOSAAS_FACTS_URL: ") as caught:
        kafka_address(url)
    assert "secret" not in caught.value.detail


def test_names_are_ours_only_in_the_namespace():
    plain, shop = KafkaAddress(("h:1",)), KafkaAddress(("h:1",), "shop")
    assert (plain.name("domain.orders"), shop.name("domain.orders")) == ("domain.orders", "shop.domain.orders")
    assert (plain.own("x"), shop.own("shop.x"), shop.own("shopping.x")) == ("x", "x", None)


def test_opening_connects_to_nothing_and_imports_no_kafka():
    code = (
        "import sys; from shared.bus import open_bus; "
        "bus = open_bus('sqlite:///bus.db\\nkafka://127.0.0.1:1'); bus.bells(); "
        "assert 'kafka' not in sys.modules and 'pika' not in sys.modules; print(type(bus).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "PairBus"


def test_a_facts_address_opens_kafka_beside_the_embedded_queues(tmp_path):
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db\nkafka://127.0.0.1:1")
    bus.send([("auto_orders", Message("a", b""))])
    assert [delivery.message.id for delivery in bus.lease("auto_orders", 1, 30)] == ["a"]
    bus.close()


def test_work_is_refused():
    with pytest.raises(Invalid, match="queue: 'auto_orders': Kafka carries facts only"):
        KafkaFacts(KafkaAddress(("127.0.0.1:1",))).send([("auto_orders", Message("a", b""))])
