"""Somebody who looks at a live view as a browser's EventSource does: comes again with the id that was seen last."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, NamedTuple

import httpx

from tests.flows.platform import ADMIN, Platform


class Seen(NamedTuple):
    """One event: what happened, its id, its JSON."""

    kind: str
    place: str
    data: dict[str, Any]


class Viewer:
    """Looks from a thread until it is told to stop. `seen` grows; `calls` counts how often it had to come."""

    def __init__(self, one: Platform, path: str, user: str = ADMIN) -> None:
        """Begins at once."""
        self.seen: list[Seen] = []
        self.calls = 0
        self._retry = 0.2
        self._place = ""
        self._stop = threading.Event()
        self._headers = {"authorization": f"Bearer {one.token(user)}"}
        self._url = f"http://127.0.0.1:{one.port}{path}"
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def kinds(self) -> list[str]:
        """What was seen, in order."""
        return [one.kind for one in list(self.seen)]

    def close(self) -> None:
        """Look away: at the next beat at the latest."""
        self._stop.set()
        self._thread.join(30)

    def _look(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                self.calls += 1
                try:
                    with client.stream("GET", self._url, headers=self._headers | self._last()) as answer:
                        if answer.status_code == 200:
                            self._read(answer)
                except httpx.TransportError:
                    pass
                time.sleep(min(self._retry, 1.0))  # as the stream said, a test's patience at most

    def _last(self) -> dict[str, str]:
        return {"last-event-id": self._place} if self._place else {}

    def _read(self, answer: httpx.Response) -> None:
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if self._stop.is_set():
                return
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
                continue
            self._retry = float(fields.get("retry", self._retry * 1000)) / 1000
            self._place = fields.get("id", self._place)
            if "event" in fields:
                self.seen.append(Seen(fields["event"], self._place, json.loads(fields["data"])))
            fields = {}
