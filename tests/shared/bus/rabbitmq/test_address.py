"""The URL is taken apart, and its password is never shown."""

from __future__ import annotations

import pytest

from shared.bus.rabbitmq.address import parse_address
from shared.errors import Invalid


def test_every_part_is_read():
    address = parse_address("amqps://us%40er:p%2Fss@broker.example:5999/a%2Fb")
    assert (address.host, address.port, address.vhost) == ("broker.example", 5999, "a/b")
    assert (address.user, address.password, address.secure) == ("us@er", "p/ss", True)


@pytest.mark.parametrize(("url", "port"), [("amqp://h", 5672), ("amqps://h", 5671)])
def test_what_is_left_out_is_as_amqp_has_it(url, port):
    address = parse_address(url)
    assert (address.port, address.vhost, address.user) == (port, "/", "guest")


def test_after_how_long_a_silent_one_is_taken_for_gone_is_said_in_the_url_or_30_seconds():
    assert parse_address("amqp://u:p@h/v").heartbeat == 30
    address = parse_address("amqp://u:p@h:1/v?heartbeat=5")
    assert (address.vhost, address.heartbeat, address.parameters("test", address.heartbeat).heartbeat) == ("v", 5, 5)


@pytest.mark.parametrize("query", ["heartbeat=0", "heartbeat=3601", "heartbeat=-1", "heartbeat=", "secret=1"])
def test_another_word_behind_the_url_is_refused_without_being_shown(query):
    with pytest.raises(Invalid, match=r"work_url: may end in \?heartbeat=SECONDS") as caught:
        parse_address(f"amqp://u:secret@h/v?{query}")
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("url", ["", "http://u:secret@h", "amqp://", "amqp://u:secret@h:port/", "amqp:/u:secret@h"])
def test_a_url_that_names_no_broker_is_refused_without_being_shown(url):
    with pytest.raises(Invalid, match="work_url: must be amqp://user:password@host:port/vhost") as caught:
        parse_address(url)
    assert "secret" not in caught.value.detail


def test_the_password_is_in_no_text_of_it():
    address = parse_address("amqp://user:secret@h/v")
    assert "secret" not in f"{address} {address!r} {address.parameters('test', 0)!r}"
