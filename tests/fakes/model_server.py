"""A local server that speaks the OpenAI chat-completions protocol by a script, and records what it was sent.

In a test: `with ModelServer(tools("price"), answer(summary="...")) as server: ... server.base_url ... server.seen`.
By itself: `python -m tests.fakes.model_server --port 9000`; it then calls every tool once and answers, and takes
a script as `PUT /script` with `[{"do": "tools", "names": ["price"]}, {"do": "status", "status": 500}]`; `GET /seen`
tells what came in.

It is not a model: streaming is refused, because CrewAI is not asked to stream here.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What goes over the wire. `length` is announced instead of the true one; `wait` and `drip` are seconds before
    the answer and between its bytes; `silent` says nothing until the server stops."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    length: int | None = None
    wait: float = 0.0
    drip: float = 0.0
    silent: bool = False


#: One step of a script: given the request's JSON, the reply.
Step = Callable[[dict[str, Any]], Reply]


@dataclass(frozen=True)
class Seen:
    """One request as it came in; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


def completion(request: dict[str, Any], message: dict[str, Any], finish: str) -> Reply:
    """A chat completion with one choice."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": request.get("model", "")}
    return Reply(json.dumps({**head, "choices": [choice], "usage": usage}).encode())


def tools(*names: str, arguments: str = "{}") -> Step:
    """Calls these tools, all in one answer."""

    def step(request: dict[str, Any]) -> Reply:
        taken = len(request["messages"])
        calls = [
            {"id": f"call_{taken}_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, name in enumerate(names)
        ]
        return completion(request, {"content": None, "tool_calls": calls}, "tool_calls")

    return step


def text(content: str) -> Step:
    """Says this."""
    return lambda request: completion(request, {"content": content}, "stop")


def answer(**fields: Any) -> Step:
    """Gives the typed answer."""
    typed: dict[str, Any] = {
        "summary": "All is well.",
        "outcome": None,
        "confidence": 0.9,
        "draft": None,
        "concerns": [],
    }
    return text(json.dumps(typed | fields))


def status(status: int, retry_after: str = "", message: str = "no") -> Step:
    """Fails with an HTTP status."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    body = json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()
    return lambda _: Reply(body, status, headers)


def redirect(location: str) -> Step:
    """Sends elsewhere."""
    return lambda _: Reply(b"", 307, {"Location": location})


def html() -> Step:
    """Says 200 and means a web page."""
    return lambda _: Reply(b"<!doctype html><title>Welcome</title>", content_type="text/html")


def raw(body: str) -> Step:
    """Sends this body as JSON, whatever it is."""
    return lambda _: Reply(body.encode())


def truncated() -> Step:
    """Stops in the middle of its answer and hangs up."""
    return lambda _: Reply(b'{"id": "chatcmpl-1", "choices": [{"index"', length=4_000)


def huge(size: int) -> Step:
    """Says very much."""
    return lambda request: completion(request, {"content": "x" * size}, "stop")


def silence() -> Step:
    """Accepts, and never answers."""
    return lambda _: Reply(silent=True)


def slow(seconds: float, then: Step) -> Step:
    """Answers later."""
    return lambda request: Reply(then(request).body, wait=seconds)


def drip(seconds: float, then: Step) -> Step:
    """Answers one byte at a time."""
    return lambda request: Reply(then(request).body, drip=seconds)


def obedient(request: dict[str, Any]) -> Reply:
    """Calls each tool it is offered once, one after the other, then gives a typed answer without a number."""
    called = [call["function"]["name"] for m in request["messages"] for call in m.get("tool_calls") or ()]
    offered = [tool["function"]["name"] for tool in request.get("tools") or ()]
    left = [name for name in offered if name not in called]
    if left:
        return tools(left[0])(request)
    return answer(summary="The tools were asked and agree.")(request)


#: Steps by name, for scripts that come as JSON.
STEPS: dict[str, Callable[..., Step]] = {
    "tools": lambda names, arguments="{}": tools(*names, arguments=arguments),
    "text": text,
    "answer": answer,
    "status": status,
    "html": html,
    "raw": raw,
    "truncated": truncated,
    "huge": huge,
    "silence": silence,
    "slow": lambda seconds: slow(seconds, obedient),
    "drip": lambda seconds: drip(seconds, obedient),
    "obedient": lambda: obedient,
}


class ModelServer:
    """The server; a context manager. Steps are taken in order; after the last one comes `otherwise`, an error
    unless given."""

    def __init__(self, *steps: Step, otherwise: Step | None = None, port: int = 0) -> None:
        self.seen: list[Seen] = []
        self._steps = list(steps)
        self._otherwise = otherwise or status(500, message="the script is over")
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.model = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the requests, in order."""
        return [seen.body for seen in self.seen]

    def play(self, *steps: Step, otherwise: Step | None = None) -> None:
        """A new script; what was seen is forgotten."""
        with self._lock:
            self._steps = list(steps)
            self._otherwise = otherwise or self._otherwise
            self.seen.clear()

    def next(self, seen: Seen) -> Step:
        """Record a request; the step that answers it."""
        with self._lock:
            self.seen.append(seen)
            return self._steps.pop(0) if self._steps else self._otherwise

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def serve(self) -> None:
        """Serve in this thread until interrupted."""
        self._http.serve_forever()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: ModelServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write an answer: unbuffered, each would wait 40 ms for the other side's ACK
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self._read() or "null")
        headers = {name.lower(): value for name, value in self.headers.items()}
        step = self.server.model.next(Seen("POST", self.path, headers, body))
        if self.path != "/v1/chat/completions":
            step = status(404, message="no such path")
        elif body.get("stream"):
            step = status(400, message="streaming is not supported")
        self._send(step(body))

    def do_PUT(self) -> None:
        steps = json.loads(self._read())
        self.server.model.play(*(STEPS[step.pop("do")](**step) for step in steps))
        self._send(Reply(b"{}"))

    def do_GET(self) -> None:
        self._send(Reply(json.dumps([seen.__dict__ for seen in self.server.model.seen]).encode()))

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _send(self, reply: Reply) -> None:
        stopping = self.server.model.stopping
        if reply.silent:
            stopping.wait()
            self.close_connection = True
            return
        if reply.wait:
            stopping.wait(reply.wait)
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.length or len(reply.body)))
            self.end_headers()
            self._write(reply)
        except OSError:  # the client went away
            self.close_connection = True
        self.close_connection = self.close_connection or reply.length is not None

    def _write(self, reply: Reply) -> None:
        if not reply.drip:
            self.wfile.write(reply.body)
            self.wfile.flush()
            return
        for byte in reply.body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.model.stopping.wait(reply.drip):
                return


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Serve from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    server = ModelServer(otherwise=slow(options.delay, obedient), port=options.port)
    print(server.base_url, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
