"""Memory (PSS) of a platform whose functions all sleep, and of one whose functions are all awake and idle, against a
process of its own for each function."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from functions.catalogue import functions
from scripts.benchmarks import machine
from scripts.benchmarks.cold import LIGHT, WITH_CREWAI
from scripts.benchmarks.measure import Bench, Figure
from scripts.benchmarks.platform import ROOT, Platform, environment, platform
from scripts.benchmarks.waiting import first_answer, free_port, wait_for
from scripts.benchmarks.work import service_headers
from shared.contract import FunctionSpec

#: How many separate processes are really started, of each image.
SEPARATE = 3


def run(bench: Bench) -> Iterator[Figure]:
    """One round: memory does not swing as time does."""
    crewai = find_spec("crewai") is not None
    light = [spec for spec in functions() if spec.image == "light" or not crewai]
    agent = [spec for spec in functions() if spec not in light]
    with platform(bench.folder / "ours", "600s", agents=bool(agent)) as ours:
        ours.sign_in()
        bench.say("memory: asleep")
        asleep = _pss(pid for pid, name in ours.processes().items() if name == "python")
        awake = _awake(bench, ours)
        each = {
            "light": _separate(bench, ours.home, light[:SEPARATE], LIGHT),
            "agent": _separate(bench, ours.home, agent[:SEPARATE], WITH_CREWAI) if agent else 0.0,
        }
    apart = each["light"] * len(light) + each["agent"] * len(agent)
    how = (
        f"PSS. Ours: the host and its zygotes ({'light and agent' if agent else 'light'}), the cache server left out. "
        f"Baseline: {SEPARATE} processes of each image measured while they run together "
        f"({each['light']:.0f} MiB a light one, {each['agent']:.0f} MiB one with CrewAI), times {len(light)} and "
        f"{len(agent)} functions"
    )
    against = f"{len(light)} + {len(agent)} separate processes"
    yield Figure("memory, all functions asleep", "MiB", "less", (asleep,), (apart,), against, how=how)
    yield Figure("memory, all awake and idle", "MiB", "less", (awake,), (apart,), against, how=how)


def _pss(pids: Iterator[int]) -> float:
    return sum(machine.memory_mib(pid) for pid in pids)


def _awake(bench: Bench, ours: Platform) -> float:
    """Call every function once, whatever it answers, and weigh all that lives then."""
    headers = service_headers(ours.home)
    for spec in functions():
        bench.say(f"memory: waking {spec.name}")
        status, _ = ours.call("POST", f"/function/{spec.name}/", b"{}", **headers)
        if status in (502, 503, 504):
            raise RuntimeError(f"{spec.name} did not wake: {status}")
    wait_for(lambda: len(ours.functions()) >= len(functions()), "all functions to be awake")
    return _pss(pid for pid, name in ours.processes().items() if name != "valkey-server")


def _separate(bench: Bench, home: Path, specs: list[FunctionSpec], fresh: str) -> float:
    """The mean PSS of processes that serve one function each, started side by side."""
    with ExitStack() as stack:
        pids = []
        for spec in specs:
            bench.say(f"memory: {spec.name} in a process of its own")
            port = free_port()
            process = subprocess.Popen(
                [sys.executable, "-c", fresh, "--port", str(port)],
                cwd=ROOT,
                env=environment(home, FUNCTION=spec.name, CREWAI_DISABLE_TELEMETRY="true"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            first_answer(port, "POST", "/", b"{}", **service_headers(home))
            pids.append(process.pid)
        return _pss(iter(pids)) / len(pids)
