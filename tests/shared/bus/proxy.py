"""A network of the tests' own between a client and a broker: it can be cut, kept down, and made silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Proxy:
    """Forwards bytes from a port of its own on 127.0.0.1 to an address, both ways."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

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

    def heal(self) -> None:
        """As at the beginning."""
        self._refuses = False
        self._flows.set()

    def close(self) -> None:
        """Break everything for good."""
        self.heal()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                if self._refuses:
                    raise ConnectionRefusedError
                broker = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            pair = (client, broker)
            with self._lock:
                self._pairs.add(pair)
            for source, target in (pair, pair[::-1]):
                thread = threading.Thread(target=self._forward, args=(source, target, pair), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flows.wait()
                target.sendall(data)
        with self._lock:
            self._pairs.discard(pair)
        _break(pair)


def _break(pair: tuple[socket.socket, socket.socket]) -> None:
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
