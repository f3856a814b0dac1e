"""A network that can be hurt: cut, kept down, silent, slow, and healed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from scripts.trial.proxy import Proxy


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that says everything again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        made = Proxy()
        made.lead_to("127.0.0.1", server.getsockname()[1])
        yield made
        made.close()


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_repeat, args=(connection,), daemon=True).start()


def _repeat(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(100):
                connection.sendall(data)
        except OSError:
            return


def joined(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), 10)


def said(connection: socket.socket) -> bytes:
    """What comes back; nothing when the connection is broken."""
    try:
        connection.sendall(b"x")
        return connection.recv(1)
    except OSError:
        return b""


def test_a_cut_breaks_what_is_there_and_refuses_what_comes_until_it_is_healed(proxy: Proxy) -> None:
    with joined(proxy) as before:
        assert said(before) == b"x"
        assert proxy.cut(refuse=True) == 1
        assert said(before) == b""
        with joined(proxy) as during:
            assert said(during) == b""
        proxy.heal()
        with joined(proxy) as after:
            assert said(after) == b"x"


def test_in_silence_nothing_passes_and_nothing_is_lost(proxy: Proxy) -> None:
    with joined(proxy) as connection:
        assert said(connection) == b"x"
        proxy.silence()
        connection.sendall(b"y")
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        proxy.heal()
        connection.settimeout(10)
        assert connection.recv(1) == b"y"


def test_a_slow_network_takes_its_time_each_way(proxy: Proxy) -> None:
    with joined(proxy) as connection:
        proxy.slow(0.05)
        began = time.monotonic()
        assert said(connection) == b"x"
        assert time.monotonic() - began >= 0.1


def test_before_it_leads_anywhere_it_refuses() -> None:
    nowhere = Proxy()
    with joined(nowhere) as connection:
        assert said(connection) == b""
    nowhere.close()


def test_one_that_is_being_connected_while_it_closes_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left open, its sockets would be found by the garbage collector, in a test that is not to blame."""
    connecting, closed, connect = threading.Event(), threading.Event(), socket.create_connection
    with connect_to_nobody() as server:
        proxy = Proxy(*server.getsockname())

        def slowly(*address: tuple[str, int]) -> socket.socket:
            connecting.set()
            closed.wait(10)
            return connect(*address)

        monkeypatch.setattr(socket, "create_connection", slowly)
        with connect(("127.0.0.1", proxy.port)) as caller:
            assert connecting.wait(10)
            proxy.close()
            closed.set()
            caller.settimeout(10)
            assert caller.recv(1) == b""


def connect_to_nobody() -> socket.socket:
    """A server that takes connections and says nothing."""
    return socket.create_server(("127.0.0.1", 0))
