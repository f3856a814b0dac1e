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


@pytest.mark.parametrize("url", ["", "http://u:secret@h", "amqp://", "amqp://u:secret@h:port/", "amqp:/u:secret@h"])
def test_a_url_that_names_no_broker_is_refused_without_being_shown(url):
    with pytest.raises(Invalid, match="work_url: must be amqp://user:password@host:port/vhost") as caught:
        parse_address(url)
    assert "secret" not in caught.value.detail


def test_the_password_is_in_no_text_of_it():
    address = parse_address("amqp://user:secret@h/v")
    assert "secret" not in f"{address} {address!r} {address.parameters('test', 0)!r}"
