"""The zygote by itself: real forks, asked for over its control socket."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.spawner import ROOT
from tests.host.world import HERE, dead, wait_until

ENTRY = "served:run"


class Zygote:
    """One under test, with what it said."""

    def __init__(self, *arguments: str) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(20)
        self.children: list[Child] = []
        path = os.pathsep.join([str(ROOT), str(HERE)])
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "host.zygote", "--control", str(theirs.fileno()), *arguments],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path},
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    def hear(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.control.recv(65536))
        return found

    def close(self) -> None:
        for child in self.children:
            child.close()
        self.control.close()
        self.process.wait(20)
        if self.process.stderr is not None:
            self.process.stderr.close()


class Child:
    """One function asked of a zygote: what it prints, its leash, its address."""

    def __init__(self, zygote: Zygote, folder: Path, name: str = "one", **request: Any) -> None:
        self.path = str(folder / f"{name}.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen()
        self.leash, theirs = socket.socketpair()
        self.leash.settimeout(20)
        self.log, log_write = os.pipe()
        message = {"id": 1, "function": name, "environment": {"FUNCTION": name}, "memory": None, "threads": 1}
        socket.send_fds(
            zygote.control,
            [json.dumps({**message, **request}).encode()],
            [listener.fileno(), log_write, theirs.fileno()],
        )
        for end in (listener, theirs):
            end.close()
        os.close(log_write)
        self.pid: int = zygote.hear()["pid"]
        zygote.children.append(self)

    def close(self) -> None:
        self.leash.close()
        if self.log >= 0:
            os.close(self.log)

    def ready(self) -> None:
        assert self.leash.recv(16) == str(self.pid).encode()

    def get(self, target: str) -> Any:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(20)
            caller.connect(self.path)
            caller.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            data = b""
            while b"\r\n\r\n" not in data:
                data += caller.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                body += caller.recv(65536)
        return json.loads(body)

    def output(self) -> str:
        """All it prints until it is gone."""
        log, self.log = self.log, -1
        with open(log) as lines:
            return lines.read()


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    one = Zygote("--entry", ENTRY, "--preload", "asyncio,httptools,random")
    message = one.hear()
    assert message["ready"]
    assert message["pid"] == one.process.pid
    yield one
    one.close()


def test_a_fork_shares_what_the_zygote_imported(zygote: Zygote, tmp_path: Path) -> None:
    """Private memory is a small part of what it uses; nothing was thawed; one thread; no foreign
    descriptor.
    """
    child = Child(zygote, tmp_path)
    child.ready()
    about = child.get("/about")
    assert about["private_kb"] < about["rss_kb"] * 0.6
    assert about["frozen"] > 1000
    assert about["collecting"]
    assert about["threads"] == 1
    assert about["input"] == os.devnull
    assert about["fds"] <= 15
    assert about["sigchld"]
    assert about["comm"] == "one"
    assert about["environment"]["FUNCTION"] == "one"


def test_each_fork_has_random_numbers_of_its_own(zygote: Zygote, tmp_path: Path) -> None:
    children = [Child(zygote, tmp_path, name) for name in ("a", "b", "c")]
    assert len({child.get("/about")["random"] for child in children}) == 3


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0)])
def test_exits_are_reported(zygote: Zygote, tmp_path: Path, number: signal.Signals, status: int) -> None:
    """A killed one with its signal; one that was asked to end, and did, with 0."""
    child = Child(zygote, tmp_path)
    child.ready()
    os.kill(child.pid, number)
    assert zygote.hear() == {"exit": child.pid, "status": status}
    assert child.leash.recv(1) == b""


def test_a_child_that_raises_prints_why_and_exits_with_1(tmp_path: Path) -> None:
    one = Zygote("--entry", "served:fails")
    one.hear()
    child = Child(one, tmp_path)
    assert one.hear() == {"exit": child.pid, "status": 1}
    assert "RuntimeError: no luck" in child.output()
    one.close()


def test_the_end_of_the_host_ends_zygote_and_children(zygote: Zygote, tmp_path: Path) -> None:
    """After a `kill -9` of the host nothing of it may go on: the leash and the control socket tell."""
    child = Child(zygote, tmp_path)
    child.ready()
    zygote.control.close()
    child.leash.close()
    assert zygote.process.wait(20) == 0
    assert child.output() == ""
    assert dead(child.pid)


def test_an_import_that_starts_a_thread_makes_no_zygote(tmp_path: Path) -> None:
    """Locks that another thread held would be held for ever in every child."""
    (tmp_path / "threads.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        arguments = ["--control", str(theirs.fileno()), "--entry", ENTRY, "--preload", "threads"]
        found = subprocess.run(
            [sys.executable, "-m", "host.zygote", *arguments],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert found.returncode == 3
    assert "2 threads" in found.stderr


def test_a_memory_limit_is_felt_as_memory_error(zygote: Zygote, tmp_path: Path) -> None:
    """RLIMIT_DATA counts from what the image has: half the limit fits, twice does not."""
    child = Child(zygote, tmp_path, memory=64 << 20)
    child.ready()
    assert child.get(f"/grow?bytes={32 << 20}") == 32 << 20
    with pytest.raises(json.JSONDecodeError):
        child.get(f"/grow?bytes={128 << 20}")
    assert child.get("/about")["threads"] == 1


def test_many_forks_at_once_are_all_answered(zygote: Zygote, tmp_path: Path) -> None:
    children = [Child(zygote, tmp_path, f"n{number}") for number in range(10)]
    for child in children:
        child.ready()
        os.kill(child.pid, signal.SIGKILL)
    assert {zygote.hear()["exit"] for _ in children} == {child.pid for child in children}


def test_idle_it_does_nothing(zygote: Zygote) -> None:
    """It sleeps in select: no message, no end, until somebody asks."""
    with selectors.DefaultSelector() as selector:
        selector.register(zygote.control, selectors.EVENT_READ)
        assert selector.select(timeout=0.2) == []
    assert zygote.process.poll() is None


@pytest.fixture
def quiet(zygote: Zygote) -> int:
    """The spare of a zygote that was quiet for a moment."""
    return spare_of(zygote)


def spare_of(zygote: Zygote, *, other_than: int = 0) -> int:
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for pid in children(zygote.process.pid) if comm(pid) == "spare" and pid != other_than]
        return bool(found)

    wait_until(look)
    return found[0]


def test_a_quiet_zygote_has_one_spare_that_becomes_the_next_function(
    zygote: Zygote, quiet: int, tmp_path: Path
) -> None:
    child = Child(zygote, tmp_path)
    child.ready()
    assert child.pid == quiet
    about = child.get("/about")
    assert about["comm"] == "one"
    assert about["collecting"]
    assert about["threads"] == 1
    assert about["input"] == os.devnull
    assert about["fds"] <= 15
    assert about["sigchld"]
    assert about["environment"]["FUNCTION"] == "one"
    assert spare_of(zygote) != quiet


def test_spares_have_random_numbers_of_their_own(zygote: Zygote, tmp_path: Path) -> None:
    said = set()
    for name in ("a", "b", "c"):
        spare = spare_of(zygote)
        child = Child(zygote, tmp_path, name)
        assert child.pid == spare
        said.add(child.get("/about")["random"])
    assert len(said) == 3


def test_a_function_from_a_spare_has_its_memory_limit(zygote: Zygote, quiet: int, tmp_path: Path) -> None:
    child = Child(zygote, tmp_path, memory=64 << 20)
    child.ready()
    assert child.pid == quiet
    assert child.get(f"/grow?bytes={32 << 20}") == 32 << 20
    with pytest.raises(json.JSONDecodeError):
        child.get(f"/grow?bytes={128 << 20}")


def test_a_spare_that_is_killed_is_replaced_and_nobody_is_told(zygote: Zygote, quiet: int, tmp_path: Path) -> None:
    os.kill(quiet, signal.SIGKILL)
    wait_until(lambda: dead(quiet))
    child = Child(zygote, tmp_path)
    child.ready()
    assert child.pid != quiet
    assert spare_of(zygote) not in (quiet, child.pid)


def test_the_end_of_the_host_ends_the_spare(zygote: Zygote, quiet: int) -> None:
    zygote.control.close()
    assert zygote.process.wait(20) == 0
    wait_until(lambda: dead(quiet))


def test_a_killed_zygote_takes_its_spare_along(zygote: Zygote, quiet: int) -> None:
    zygote.process.kill()
    zygote.process.wait(20)
    wait_until(lambda: dead(quiet))


def test_a_spare_has_touched_what_the_rehearsal_touched(tmp_path: Path) -> None:
    """8 MB that the zygote filled and the rehearsal writes to are the spare's own before anybody asks."""
    found = {}
    for rehearsal in ("", "rehearsals:write"):
        one = Zygote("--entry", ENTRY, "--preload", "asyncio,httptools,random,rehearsals", "--rehearse", rehearsal)
        one.hear()
        spare = spare_of(one)
        wait_until(lambda spare=spare: asleep(spare))
        found[rehearsal] = private_kb(spare)
        child = Child(one, tmp_path, f"f{len(rehearsal)}")
        child.ready()
        assert child.pid == spare
        one.close()
    assert found["rehearsals:write"] - found[""] > 7_000


@pytest.mark.parametrize("rehearsal", ["rehearsals:fail", "rehearsals:missing", "rehearsals:die"])
def test_a_rehearsal_that_fails_costs_nothing_but_its_lesson(tmp_path: Path, rehearsal: str) -> None:
    one = Zygote("--entry", ENTRY, "--preload", "asyncio,httptools,random,rehearsals", "--rehearse", rehearsal)
    one.hear()
    spare = spare_of(one)
    child = Child(one, tmp_path)
    child.ready()
    assert child.pid == spare
    assert child.get("/about")["comm"] == "one"
    one.close()


def test_a_function_asked_for_during_the_rehearsal_does_not_wait_for_it(tmp_path: Path) -> None:
    one = Zygote("--entry", ENTRY, "--preload", "asyncio,httptools,random,rehearsals", "--rehearse", "rehearsals:last")
    one.hear()
    wait_until(lambda: [comm(pid) for pid in children(one.process.pid)] == ["rehearsal"])
    child = Child(one, tmp_path)
    child.ready()
    [rehearsal] = [pid for pid in children(one.process.pid) if comm(pid) == "rehearsal"]
    os.kill(rehearsal, signal.SIGKILL)
    spare_of(one)
    one.close()


def test_the_end_of_the_zygote_ends_its_rehearsal(tmp_path: Path) -> None:
    one = Zygote("--entry", ENTRY, "--preload", "asyncio,httptools,random,rehearsals", "--rehearse", "rehearsals:last")
    one.hear()
    wait_until(lambda: [comm(pid) for pid in children(one.process.pid)] == ["rehearsal"])
    [rehearsal] = children(one.process.pid)
    one.close()
    wait_until(lambda: dead(rehearsal))


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def comm(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def private_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
