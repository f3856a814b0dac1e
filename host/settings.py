"""What the host is told once, and what its parts share."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from host.logs import OnLog
from host.policy import Memory

OnEvent = Callable[..., None]  # (kind, **fields)

#: Variables of the host that are secrets, by the name under which a function lists them in the stack. No zygote has
#: them, and of the functions only those that list them.
SECRETS = {"openai-api-key": "OPENAI_API_KEY"}
#: Of the host alone: no function is given them.
OWN = frozenset({"BIZOSAAS_DEMO_PASSWORD"})
LIBRARIES = ("fastapi", "uvicorn", "httptools", "pydantic", "sqlalchemy", "shared.runtime.entry")


@dataclass(frozen=True)
class Image:
    """One zygote: what it imports, under which variables.

    Where the module `needs` is not installed, the image `otherwise` serves its functions. A `late` image
    starts when the others are ready. `rehearsal` ("module:function") is work whose memory a spare process has.
    """

    name: str
    preload: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: str | None = None
    otherwise: str | None = None
    late: bool = False
    rehearsal: str = ""

    @property
    def installed(self) -> bool:
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


LIGHT = Image("light", LIBRARIES)
AGENT = Image(
    "agent",
    (*LIBRARIES, "shared.agents.preloaded"),
    environment={
        "CREWAI_DISABLE_TELEMETRY": "true",
        "CREWAI_TRACING_ENABLED": "false",
        "OPENBLAS_NUM_THREADS": "1",  # the threads of BLAS would not survive a fork
        "OTEL_SDK_DISABLED": "true",
    },
    needs="crewai",
    otherwise="light",
    late=True,
)


@dataclass(frozen=True)
class Settings:
    """Times in seconds, sizes in bytes."""

    entry: str = "shared.runtime.entry:run"
    images: tuple[Image, ...] = (LIGHT, AGENT)
    environment: Mapping[str, str] = field(default_factory=dict)  # for every function, below its own
    wait_limit: float = 30.0  # a call waits this long for a process
    start_limit: float = 30.0  # a process must be ready by then
    drain_limit: float = 30.0  # a process that was asked to end is killed then
    tick: float = 0.1  # how often limits are looked at
    memory_every: float = 1.0  # how often free memory is looked at
    memory_reserve: int = 256 << 20
    body_limit: int = 4 << 20
    answer_limit: int = 16 << 20  # of a call inside the host
    head_limit: int = 32 << 10
    header_count: int = 100
    head_timeout: float = 10.0  # from the first byte of a request to the end of its head
    body_timeout: float = 30.0  # without a byte of the body
    keep_alive: float = 75.0  # between requests
    send_timeout: float = 60.0  # for a caller that does not read its answer
    connections: int = 4096


def open_environment() -> dict[str, str]:
    """This process's environment without the secrets: what everything gets that the host starts."""
    kept_back = OWN | set(SECRETS.values())
    return {name: value for name, value in os.environ.items() if name not in kept_back}


def secret_environment(listed: Collection[str]) -> dict[str, str]:
    """The variables of the secrets that a function lists, where the host has them."""
    return {name: os.environ[name] for secret, name in SECRETS.items() if secret in listed and name in os.environ}


def memory_available() -> int:
    """Bytes that can be given out without swapping (`MemAvailable` of proc_meminfo(5)); plenty where nobody
    says.
    """
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return 1 << 62


class Clock:
    """Seconds as of the last tick: exact enough for limits, and free to read."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


@dataclass
class Context:
    """What every part of one running host shares."""

    loop: asyncio.AbstractEventLoop
    settings: Settings
    folder: Path  # for the sockets: short, private
    on_log: OnLog
    on_event: OnEvent
    clock: Clock
    memory: Memory
    numbers: int = 0

    def socket_path(self) -> str:
        """A path that no process of this host has had."""
        self.numbers += 1
        return os.path.join(self.folder, str(self.numbers))
