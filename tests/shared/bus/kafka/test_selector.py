"""No socket stays open behind kafka-python's loop, however a connection ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psutil
import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket, create_connection
from kafka.net.transport import KafkaTCPTransport

from shared.bus.kafka.selector import Selector, close_unconnected


@pytest.fixture
def net() -> Iterator[Selector]:
    close_unconnected()
    loop = Selector()
    yield loop
    loop.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """It accepts nobody by itself, and lets one wait."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        yield server


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def open_to(port: int) -> int:
    """How many of this process's sockets lead there."""
    return sum(1 for one in psutil.Process().net_connections() if one.raddr and one.raddr[1] == port)


def connect(net: Selector, port: int) -> socket.socket:
    connected: socket.socket = net.run(create_connection, net, "127.0.0.1", port)
    return connected


def test_a_connection_that_is_refused_is_closed_though_its_error_is_kept(
    net: Selector, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []

    def make(_self: KafkaNetSocket, *of: int) -> socket.socket:
        made.append(socket.socket(*of))
        return made[-1]

    monkeypatch.setattr(KafkaNetSocket, "socket", make)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = port_of(server)
    with pytest.raises(KafkaConnectionError, match="ECONNREFUSED") as kept:
        connect(net, port)
    assert [one.fileno() for one in made] == [-1]
    assert kept.value.__traceback__


def test_a_connection_that_is_being_made_when_the_loop_ends_is_closed(net: Selector, listener: socket.socket) -> None:
    waiting = connect(net, port_of(listener))
    task = net.call_soon(lambda: create_connection(net, "127.0.0.1", port_of(listener)))
    net.poll(timeout_ms=0)
    assert not task.is_done
    assert open_to(port_of(listener)) == 2
    net.close()
    assert waiting.fileno() == -1
    assert open_to(port_of(listener)) == 0


def test_a_connection_with_something_left_to_send_when_the_loop_ends_is_closed(
    net: Selector, listener: socket.socket
) -> None:
    connection = connect(net, port_of(listener))
    transport = KafkaTCPTransport(net, connection)
    transport.write(b"x" * 50_000_000)  # more than the system keeps for one who does not read
    net.poll(timeout_ms=0)
    transport.close()
    assert open_to(port_of(listener)) == 1
    net.close()
    assert connection.fileno() == -1
    assert open_to(port_of(listener)) == 0
