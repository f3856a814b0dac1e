"""The client beside a server that answers as a test tells it: tokens, repeats, and what every bad answer becomes."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.command.client import Client, path_of
from scripts.command.failure import DENIED, FAULT, LATER, REFUSED, STRANGER, UNREACHABLE, USAGE, Failure
from scripts.command.keys import Key, Keys

Answer = tuple[int, Any]


@dataclass
class Server:
    """Answers with what `answer` makes of (method, path, token, body); keeps what it was asked."""

    answer: Callable[[str, str, str, Any], Answer] = lambda *_: (200, {})
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    retry_after: str = "0"


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
            told.asked.append((self.command, self.path, token))
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, document = told.answer(self.command, self.path, token, json.loads(raw) if raw else None)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            if status in (429, 503):
                self.send_header("retry-after", told.retry_after)
            if status == 302:
                self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        told.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield told
        http.shutdown()
        thread.join()


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    for name in ("BIZOSAAS_TOKEN", "BIZOSAAS_URL"):
        monkeypatch.delenv(name, raising=False)
    return Keys(tmp_path / "config")


def key(access: str = "a1", refresh: str = "r1", left: float = 900) -> Key:
    return Key(access, refresh, time.time() + left, "ada@demo.example", "demo", "USER")


def kept(keys: Keys, url: str, one: Key) -> None:
    with keys.locked():
        keys.put(url, one)


def signed_in(access: str, refresh: str) -> Answer:
    user = {"email": "ada@demo.example"}
    return 200, {
        "access_token": access, "refresh_token": refresh, "expires_in": 900, "user": user, "tenant": "demo",
        "role": "USER",
    }  # fmt: skip


PROBLEM = {"type": "/problems/x", "title": "T", "status": 0, "detail": "d"}

# --- tokens -------------------------------------------------------------------------------------------


def test_the_environment_s_token_goes_before_the_kept_one(
    server: Server, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(keys, server.url, key())
    monkeypatch.setenv("BIZOSAAS_TOKEN", "given")
    Client(server.url, keys).get("/x")
    assert server.asked == [("GET", "/x", "given")]


def test_a_given_token_that_is_refused_is_not_exchanged(
    server: Server, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not ours to renew; the cure says how to sign in."""
    kept(keys, server.url, key())
    monkeypatch.setenv("BIZOSAAS_TOKEN", "wrong")
    server.answer = lambda *_: (401, PROBLEM)
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).get("/x")
    assert (caught.value.code, len(server.asked)) == (DENIED, 1)
    assert "login" in caught.value.cure


def test_an_expired_token_is_exchanged_before_the_call(server: Server, keys: Keys) -> None:
    kept(keys, server.url, key(left=-1))
    server.answer = lambda _m, path, _t, _b: signed_in("a2", "r2") if path == "/auth/refresh" else (200, {})
    Client(server.url, keys).get("/x")
    assert server.asked == [("POST", "/auth/refresh", ""), ("GET", "/x", "a2")]
    found = keys.get(server.url)
    assert found is not None
    assert (found.access_token, found.refresh_token) == ("a2", "r2")


def test_a_token_that_is_refused_before_its_time_is_exchanged_once(server: Server, keys: Keys) -> None:
    kept(keys, server.url, key())

    def answer(_method: str, path: str, token: str, _body: Any) -> Answer:
        if path == "/auth/refresh":
            return signed_in("a2", "r2")
        return (200, {"ok": True}) if token == "a2" else (401, PROBLEM)

    server.answer = answer
    assert Client(server.url, keys).get("/x") == {"ok": True}
    server.answer = lambda _m, path, _t, _b: signed_in("a3", "r3") if path == "/auth/refresh" else (401, PROBLEM)
    with pytest.raises(Failure):
        Client(server.url, keys).get("/x")
    assert [path for _, path, _ in server.asked].count("/auth/refresh") == 2


def test_of_many_commands_at_once_one_exchanges_the_token(server: Server, keys: Keys) -> None:
    """A refresh token that comes a second time ends the session: so nobody sends it twice."""
    kept(keys, server.url, key(left=-1))
    server.answer = lambda _m, path, _t, _b: signed_in("a2", "r2") if path == "/auth/refresh" else (200, {})
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: Client(server.url, Keys(keys.folder)).get("/x"), range(12)))
    assert [path for _, path, _ in server.asked].count("/auth/refresh") == 1
    assert {token for _, path, token in server.asked if path == "/x"} == {"a2"}


def test_a_session_that_is_over_is_forgotten(server: Server, keys: Keys) -> None:
    kept(keys, server.url, key(left=-1))
    server.answer = lambda *_: (401, PROBLEM)
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).get("/x")
    assert caught.value.code == DENIED
    assert keys.get(server.url) is None


def test_without_a_key_nothing_is_sent(server: Server, keys: Keys) -> None:
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).get("/x")
    assert (caught.value.code, server.asked) == (DENIED, [])
    assert caught.value.cure == f"scripts/bizosaas login --url {server.url}"


# --- the file -----------------------------------------------------------------------------------------


def test_keys_are_for_their_owner_only(keys: Keys) -> None:
    """Whatever the umask; and each platform has its own."""
    old = os.umask(0)
    try:
        kept(keys, "http://a", key("a"))
        kept(keys, "http://b", key("b"))
    finally:
        os.umask(old)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert [keys.get(url).access_token for url in ("http://a", "http://b")] == ["a", "b"]  # type: ignore[union-attr]  # both are there
    assert keys.current == "http://b"


def test_keys_that_others_may_read_are_not_used(keys: Keys) -> None:
    kept(keys, "http://a", key())
    keys.path.chmod(0o644)
    with pytest.raises(Failure, match="others may read") as caught:
        keys.get("http://a")
    assert caught.value.cure.startswith(f"chmod 600 {keys.path}")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"servers": {}}', '{"current": "", "servers": 3}'])
def test_a_file_that_is_none_is_said_with_the_cure(keys: Keys, text: str) -> None:
    kept(keys, "http://a", key())
    keys.path.write_text(text)
    with pytest.raises(Failure) as caught:
        keys.get("http://a")
    assert caught.value.cure == "remove it; then scripts/bizosaas login again"


def test_a_folder_that_cannot_be_made_is_said_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="Not a directory") as caught:
        kept(Keys(tmp_path / "file" / "bizosaas"), "http://a", key())
    assert "XDG_CONFIG_HOME" in caught.value.cure


def test_a_file_that_is_a_folder_is_said_with_the_cure(keys: Keys) -> None:
    keys.path.mkdir(parents=True)
    with pytest.raises(Failure, match="cannot be read"):
        keys.get("http://a")


def test_a_key_shows_no_token() -> None:
    assert "a1" not in repr(key())
    assert "r1" not in repr(key())


# --- repeats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_what_may_be_repeated_is_when_told_later(server: Server, keys: Keys, status: int) -> None:
    """A GET, and a POST under a key, with the same key each time."""
    kept(keys, server.url, key())
    server.answer = lambda *_: (status, PROBLEM) if len(server.asked) % 2 else (200, {"ok": True})
    client = Client(server.url, keys)
    assert client.get("/x") == client.post("/x", {}, "k") == {"ok": True}
    assert len(server.asked) == 4
    assert [headers.get("idempotency-key") for headers in server.headers] == [None, None, "k", "k"]


def test_a_post_without_a_key_is_sent_once(server: Server, keys: Keys) -> None:
    kept(keys, server.url, key())
    server.answer = lambda *_: (503, PROBLEM)
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).post("/x", {})
    assert (caught.value.code, len(server.asked)) == (LATER, 1)


def test_later_for_ever_is_later(server: Server, keys: Keys) -> None:
    kept(keys, server.url, key())
    server.answer = lambda *_: (503, PROBLEM)
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).get("/x")
    assert (caught.value.code, len(server.asked)) == (LATER, 4)


def test_nobody_waits_for_an_hour_without_a_word(server: Server, keys: Keys) -> None:
    """However long the platform says to wait, the command looks again in seconds, and then says "later"."""
    kept(keys, server.url, key())
    server.retry_after = "3600"
    server.answer = lambda *_: (429, PROBLEM) if len(server.asked) == 1 else (200, {"ok": True})
    began = time.monotonic()
    assert Client(server.url, keys).get("/x") == {"ok": True}
    assert time.monotonic() - began < 30


def test_pages_go_on_to_the_limit(server: Server, keys: Keys) -> None:
    kept(keys, server.url, key())

    def answer(_method: str, path: str, *_: Any) -> Answer:
        start = int(path.partition("cursor=")[2] or 0)
        size = int(path.partition("limit=")[2].partition("&")[0])
        items = list(range(start, min(start + size, 450)))
        return 200, {"items": items, "next_cursor": str(start + size) if start + size < 450 else None}

    server.answer = answer
    client = Client(server.url, keys)
    assert [len(page["items"]) for page in client.pages("/x", 0)] == [200, 200, 50]
    assert [len(page["items"]) for page in client.pages("/x", 250)] == [200, 50]


# --- bad answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, REFUSED), (403, DENIED), (404, 66), (409, REFUSED), (413, REFUSED), (422, REFUSED), (500, FAULT),
     (502, LATER), (504, LATER)],
)  # fmt: skip
def test_every_problem_has_its_exit_code_and_a_cure(server: Server, keys: Keys, status: int, code: int) -> None:
    kept(keys, server.url, key())
    problems = [{"field": "ids", "rule": "too many"}]
    server.answer = lambda *_: (status, PROBLEM | {"problems": problems})
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).get("/x")
    failure = caught.value
    assert (failure.code, failure.title, failure.detail, failure.status) == (code, "T", "d", status)
    assert failure.problems == (("ids", "too many"),)
    assert failure.cure


@pytest.mark.parametrize("answer", [(200, b"<!doctype html>"), (404, b"Not Found"), (404, {"x": 1}), (302, {})])
def test_somebody_else_on_the_port_is_said(server: Server, keys: Keys, answer: Answer) -> None:
    """Also one who sends us elsewhere: a token goes to no other address."""
    kept(keys, server.url, key())
    server.answer = lambda *_: answer
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).get("/x")
    assert (caught.value.code, len(server.asked)) == (STRANGER, 1)


def test_a_login_that_another_server_answers_keeps_nothing(server: Server, keys: Keys) -> None:
    server.answer = lambda *_: (200, {"hello": "you"})
    with pytest.raises(Failure) as caught:
        Client(server.url, keys).login("a@b", "p", None)
    assert caught.value.code == STRANGER
    assert keys.get(server.url) is None


def test_nobody_on_the_port_is_said_at_once(keys: Keys) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        kept(keys, url, key())
        with pytest.raises(Failure) as caught:
            Client(url, keys).get("/x")
    assert caught.value.code == UNREACHABLE
    assert "scripts/up" in caught.value.cure


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://", "http://u:secret@x", "http://x?a=b"])
def test_an_address_that_is_none_is_refused(keys: Keys, url: str) -> None:
    """Without repeating it: it may hold a password."""
    with pytest.raises(Failure) as caught:
        Client(url, keys)
    assert caught.value.code == USAGE
    assert "secret" not in str(caught.value)


def test_a_segment_of_a_path_stays_one() -> None:
    assert path_of("tasks", "../audit?x#y") == "/tasks/..%2Faudit%3Fx%23y"
