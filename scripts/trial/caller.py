"""A caller as it should be: signs in, and asks again with the same key until it is answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

import httpx

from scripts.trial.platform import ADMIN, PASSWORD

#: Answers that say "again": the platform or the way to it cannot now. 401: the token has run out.
AGAIN = frozenset({401, 429, 502, 503, 504})
_PAUSE_SECONDS = (0.1, 1.5)
_SAID = 10


class Refused(Exception):
    """Raised for an answer that no repetition makes good."""


class Stopped(Exception):
    """Raised when asking is over and the answer has not come."""


class Caller:
    """One user over HTTP, for many threads. `answers` counts what was answered, by status ("no answer" among them), and
    `turned_away` holds the first answers that said "again", in their own words."""

    def __init__(self, port: int, user: str = ADMIN, timeout: float = 30.0) -> None:
        """`timeout` is of one try, in seconds."""
        limits = httpx.Limits(max_connections=64)
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=timeout, limits=limits)
        self._user = user
        self._token = ""
        self._signing = threading.Lock()
        self._over = threading.Event()
        self._rng = Random()
        self.answers: Counter[str] = Counter()
        self.turned_away: list[str] = []

    def ask(self, method: str, path: str, body: Any = None, *, good: int = 200, **headers: str) -> Any:
        """The JSON of the good answer, asked for until it comes. Raises `Refused` for an answer that is neither good
        nor one to ask again after, `Stopped` after `stop`."""
        while not self._over.is_set():
            answer = self._once(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            status = answer.status_code if answer is not None else 0
            self.answers[str(status) if status else "no answer"] += 1
            if answer is not None and status == good:
                return answer.json()
            if answer is not None:
                said = f"{method} {path}: {status} {answer.text[:500]}"
                if status not in AGAIN:
                    raise Refused(said)
                if len(self.turned_away) < _SAID:
                    self.turned_away.append(said)
            self._over.wait(self._rng.uniform(*_PAUSE_SECONDS))
        raise Stopped(f"{method} {path}")

    def _once(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> httpx.Response | None:
        """None where nobody answered."""
        try:
            token = self._token or self._sign_in()
            if not token:
                return None
            given = {"authorization": f"Bearer {token}", **headers}
            answer = self._http.request(method, path, json=body, headers=given)
        except (httpx.TransportError, RuntimeError):  # nobody is there, or it was closed meanwhile
            return None
        if answer.status_code == 401 and self._token == token:
            self._token = ""
        return answer

    def _sign_in(self) -> str:
        with self._signing:
            if not self._token:
                answer = self._http.post("/auth/login", json={"email": self._user, "password": PASSWORD})
                if answer.status_code == 200:
                    self._token = str(answer.json()["access_token"])
                elif answer.status_code not in AGAIN - {401}:
                    raise Refused(f"cannot sign in: {answer.status_code} {answer.text[:500]}")
            return self._token

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()

    def close(self) -> None:
        """Stop, and hang up."""
        self.stop()
        self._http.close()


def pause_until(moment: float, over: threading.Event) -> None:
    """Wait until a monotonic moment, or until it is over."""
    over.wait(max(0.0, moment - time.monotonic()))
