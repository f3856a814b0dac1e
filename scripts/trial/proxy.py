"""A network of our own between a client and a server: it can be cut, kept down, made slow, and made silent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from urllib.parse import urlsplit


class Proxy:
    """Forwards bytes from a port of its own on 127.0.0.1 to an address, both ways."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Without a port it refuses everybody until `lead_to`."""
        self._target = (host, port)
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self._closed = False
        self._delay = 0.0
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def lead_to(self, host: str, port: int) -> None:
        """Where connections from now on go."""
        self._target = (host, port)

    def through(self, url: str) -> str:
        """The same URL with the proxy's address in it."""
        parts = urlsplit(url)
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.port}").geturl()

    def cut(self, *, refuse: bool = False) -> int:
        """Break every connection; returns how many. With `refuse`, new ones are broken too, until `heal`."""
        self._refuses = refuse
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _break(pair)
        self.cuts += len(pairs)
        return len(pairs)

    def silence(self) -> None:
        """Nothing passes any more, and nobody is told, until `heal`."""
        self._flows.clear()

    def slow(self, seconds: float) -> None:
        """Whatever passes waits so long first, each way, until `heal`."""
        self._delay = seconds

    def heal(self) -> None:
        """As at the beginning."""
        self._refuses = False
        self._delay = 0.0
        self._flows.set()

    def close(self) -> None:
        """Break everything for good."""
        self.heal()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(5)
        self._closed = True  # one that is being connected at this moment is broken by its own thread
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            self._admit()
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        pair = (client, server)
        try:
            for end in pair:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._admit()  # it may have been cut at this moment
                self._pairs.add(pair)
        except OSError:  # it was cut, or the caller has gone
            _break(pair)
            return
        threading.Thread(target=self._forward, args=(*pair, pair), daemon=True).start()
        self._forward(server, client, pair)

    def _admit(self) -> None:
        if self._closed or self._refuses or not self._target[1]:
            raise ConnectionRefusedError

    def _forward(self, source: socket.socket, target: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flows.wait()
                if self._delay:
                    time.sleep(self._delay)
                target.sendall(data)
        self._forget(pair)

    def _forget(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        _break(pair)


def _break(pair: tuple[socket.socket, socket.socket]) -> None:
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
