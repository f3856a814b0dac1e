"""The platform over HTTP, as one signed-in user.

1. The token is BIZOSAAS_TOKEN, else that of `login`; one that has expired is exchanged for the next, once.
2. What may be repeated (GET, and POST under an Idempotency-Key) is, when the platform says "later".
3. Everything but success is a `Failure`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from events.jsontext import JsonError, dumps, loads
from scripts.command.failure import DENIED, PROGRAM, USAGE, Failure, failure_of, stranger, unreachable
from scripts.command.keys import Key, Keys

DEFAULT_URL = "http://127.0.0.1:8080"
#: Seconds before its end at which an access token is exchanged: clocks differ, and a call takes time.
EARLY = 15.0
_SIGNED_IN = {"access_token", "refresh_token", "expires_in", "user", "tenant", "role"}
_ONCE = urllib3.Retry(total=0, redirect=False, raise_on_redirect=False)
_AGAIN = urllib3.Retry(
    total=3,
    connect=0,
    redirect=0,
    raise_on_redirect=False,
    status_forcelist=(429, 503),
    allowed_methods=None,
    raise_on_status=False,
    backoff_factor=0.2,
    retry_after_max=2,  # seconds; who is told to wait for long shall hear it, not wait without a word
)
_TIMEOUT = urllib3.Timeout(connect=5, read=60)


def path_of(*parts: str) -> str:
    """A path of segments, each taken as it is: `path_of("tasks", "a/b")` is /tasks/a%2Fb."""
    return "".join("/" + quote(part, safe="") for part in parts)


class Client:
    """Calls, with a token."""

    def __init__(self, url: str | None, keys: Keys | None = None) -> None:
        """`url` is the platform's address: given, else BIZOSAAS_URL, else where `login` was last."""
        self.keys = keys or Keys()
        self.url = _checked(url or os.environ.get("BIZOSAAS_URL") or self.keys.current or DEFAULT_URL)
        self._http = urllib3.PoolManager(timeout=_TIMEOUT)
        self._given = os.environ.get("BIZOSAAS_TOKEN", "")

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET. A None in the query is left out."""
        pairs = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", path + ("?" + urlencode(pairs) if pairs else ""), None, "", _AGAIN)

    def post(self, path: str, body: Any, key: str = "") -> Any:
        """The JSON of a POST; with an idempotency key it may be repeated."""
        return self._call("POST", path, body, key, _AGAIN if key else _ONCE)

    def pages(self, path: str, limit: int, **query: Any) -> Iterator[Any]:
        """Page by page, until there were `limit` items (0: all); behind `cursor` where one is given."""
        seen = 0
        cursor = query.pop("cursor", None)
        while True:
            size = min(200, limit - seen) if limit else 200
            page = self.get(path, limit=size, cursor=cursor, **query)
            yield page
            seen += len(page["items"])
            cursor = page["next_cursor"]
            if cursor is None or (limit and seen >= limit):
                return

    def login(self, email: str, password: str, tenant: str | None) -> Key:
        """Sign in and keep the tokens."""
        body = {"email": email, "password": password} | ({"tenant": tenant} if tenant else {})
        with self.keys.locked():
            try:
                key = _key(self._send("POST", "/auth/login", body, "", "", _ONCE), self.url)
            except Failure as failure:
                if failure.status == 401:
                    failure.cure = "check the e-mail and the password"
                raise
            self.keys.put(self.url, key)
        return key

    def logout(self) -> bool:
        """End the session and forget its tokens; False when there was none."""
        key = self.keys.get(self.url)
        if key is None:
            return False
        try:
            self.post("/auth/logout", None)
        except Failure as failure:
            if failure.code != DENIED:  # a session that is over needs no end
                raise
        with self.keys.locked():
            self.keys.put(self.url, None)
        return True

    def _call(self, method: str, path: str, body: Any, key: str, retry: urllib3.Retry) -> Any:
        token = self._given or self._token("")
        try:
            return self._send(method, path, body, token, key, retry)
        except Failure as failure:
            if failure.status != 401 or self._given:
                raise
        return self._send(method, path, body, self._token(token), key, retry)

    def _token(self, refused: str) -> str:
        """A token that has not expired and is not the one that was `refused`."""
        key = self.keys.get(self.url)
        if key is None:
            raise Failure(DENIED, "Sign in first", f"no token for {self.url}", f"{PROGRAM} login --url {self.url}")
        if key.access_token != refused and key.expires_at - EARLY > time.time():
            return key.access_token
        with self.keys.locked():
            now = self.keys.get(self.url)
            if now is not None and now.access_token != key.access_token:  # another command was here meanwhile
                return now.access_token
            return self._renewed(key).access_token

    def _renewed(self, key: Key) -> Key:
        body = {"refresh_token": key.refresh_token}
        try:
            fresh = _key(self._send("POST", "/auth/refresh", body, "", "", _ONCE), self.url)
        except Failure as failure:
            if failure.status == 401:
                self.keys.put(self.url, None)
            raise
        self.keys.put(self.url, fresh)
        return fresh

    def _send(self, method: str, path: str, body: Any, token: str, key: str, retry: urllib3.Retry) -> Any:
        headers = {"accept": "application/json", "user-agent": "bizosaas"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if key:
            headers["idempotency-key"] = key
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = dumps(body).encode()
        try:
            answer = self._http.request(method, self.url + path, body=data, headers=headers, retries=retry)
        except urllib3.exceptions.HTTPError as error:
            reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
            raise unreachable(self.url, type(reason).__name__) from None
        return self._read(answer.status, answer.data)

    def _read(self, status: int, data: bytes) -> Any:
        if status == 204:
            return None
        try:
            document = loads(data)
        except JsonError:
            raise stranger(self.url) from None
        if status < 300:
            return document
        if not isinstance(document, dict) or "title" not in document:
            raise stranger(self.url)
        raise failure_of(status, document, self.url)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Failure(USAGE, "The address is wrong", "it must be http://host:port or https://host:port")
    return url.rstrip("/")


def _key(answer: Any, url: str) -> Key:
    if not isinstance(answer, dict) or not answer.keys() >= _SIGNED_IN:
        raise stranger(url)
    return Key(
        access_token=answer["access_token"],
        refresh_token=answer["refresh_token"],
        expires_at=time.time() + answer["expires_in"],
        email=answer["user"]["email"],
        tenant=answer["tenant"],
        role=answer["role"],
    )
