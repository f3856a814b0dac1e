"""Forwarding a call to a function that is awake: requests per CPU-second of the forwarder, ours beside nginx."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.benchmarks import machine
from scripts.benchmarks.bare import NAME
from scripts.benchmarks.load import load
from scripts.benchmarks.measure import Bench, Figure, Skipped
from scripts.benchmarks.platform import ROOT, environment
from scripts.benchmarks.waiting import Caller, first_answer, free_port
from scripts.benchmarks.work import use_home
from shared.auth.keys import ensure_keys
from shared.auth.tokens import issue_access

CONNECTIONS = 32
SECONDS = 3
SHARE = 0.25
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream function {{ server unix:{socket}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://function/; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""


def run(bench: Bench) -> Iterator[Figure]:
    """32 kept connections, a bearer token on each request; the host checks it, nginx only passes it on."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        raise Skipped("nginx is not installed (Debian: nginx-light)")
    home = bench.folder / "home"
    use_home(home)
    ensure_keys(home / "secrets")
    token = issue_access(user_id="bench", tenant="bench", role="USER", session_id="bench", ttl=3600)
    ours: list[float] = []
    theirs: list[float] = []
    with _host(bench.folder, home) as (pid, port), _nginx(bench.folder, nginx, pid, port, token) as (other, its_port):
        for number in range(bench.rounds + 1):
            bench.say(f"warm: round {number} of {bench.rounds}")
            one = _per_second([pid], port, f"/function/{NAME}/", token)
            two = _per_second(list(machine.descendants(other)), its_port, "/", token)
            if number:  # the first warms up
                ours.append(one)
                theirs.append(two)
    figure = Figure(
        "warm call, requests per CPU-second of the forwarder",
        "1/s",
        "more",
        tuple(ours),
        tuple(theirs),
        "nginx, same function process",
        f"at least {SHARE}, aim 0.5",
        how=f"{CONNECTIONS} kept connections for {SECONDS} s a round; CPU of the host (nginx: master and worker) only",
    )
    yield Figure(**{**figure.__dict__, "reached": (figure.ratio or 0) >= SHARE})


def _per_second(pids: list[int], port: int, path: str, token: str) -> float:
    before = sum(map(machine.cpu_seconds, pids))
    count = load(port, path, token, CONNECTIONS, SECONDS)
    return count / (sum(map(machine.cpu_seconds, pids)) - before)


@contextmanager
def _host(folder: Path, home: Path) -> Iterator[tuple[int, int]]:
    """Our host with the bare function: its process id and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.benchmarks.bare", str(folder)],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the host did not start")
        yield process.pid, int(line)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def _nginx(folder: Path, nginx: str, host: int, port: int, token: str) -> Iterator[tuple[int, int]]:
    """nginx before the very process that the host has: its process id and port."""
    call = Caller(port)
    status, _ = call("GET", f"/function/{NAME}/", authorization=f"Bearer {token}")
    call.close()
    if status != 200:
        raise RuntimeError(f"the bare function answered {status}")
    function = next(pid for pid, name in machine.descendants(host).items() if name == NAME)
    (socket,) = machine.unix_listeners(function)
    own = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, socket=socket, port=own))
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(config), "-g", "user root;"] if os.getuid() == 0
                               else [nginx, "-p", str(folder), "-c", str(config)])  # fmt: skip
    try:
        first_answer(own, "GET", "/", None)
        yield process.pid, own
    finally:
        process.terminate()
        process.wait()
