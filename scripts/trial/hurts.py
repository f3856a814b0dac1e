"""The table of hurts: what can be done to a trial while it works, and how it is made good again.

A hurt is a target (two never hurt one target at once), an act that says in words what it did ("" when there was
nothing to hurt), how long that lasts, and what makes it good. A row is all that a new hurt needs.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import psutil  # type: ignore[import-untyped]  # it has no types

from events.topology import QUEUES
from scripts.trial.scene import Scene
from shared.bus.port import Message
from shared.errors import TryAgain

Act = Callable[[Scene, Random], str]


@dataclass(frozen=True)
class Hurt:
    """One way to hurt. `lasts` are the seconds between `act` and `heal`, from and to; `weight` how often it comes."""

    name: str
    target: str
    act: Act
    heal: Callable[[Scene], None] = lambda _: None
    lasts: tuple[float, float] = (0.0, 0.0)
    weight: int = 2


# --- engines and the way to them ----------------------------------------------------------------------


def _kill_engine(name: str) -> Hurt:
    def act(scene: Scene, _rng: Random) -> str:
        scene.engines.kill(name)
        return "kill -9"

    return Hurt(f"kill {name}", name, act, lambda scene: scene.engines.start_again(name), (0.0, 3.0))


def _kill_s3() -> Hurt:
    """The stand-in for S3 keeps its objects in memory only; a real one keeps what it has confirmed. So the way to it
    is cut first, and what it had is put back before the way is open again."""

    def act(scene: Scene, _rng: Random) -> str:
        scene.engines.proxies["s3"].cut(refuse=True)
        return f"kill -9, {scene.engines.kill_objects()} objects kept for it"

    def heal(scene: Scene) -> None:
        scene.engines.restore_objects()
        scene.engines.proxies["s3"].heal()

    return Hurt("kill s3", "s3", act, heal, (0.0, 3.0), weight=1)


def _suspend_engine(name: str) -> Hurt:
    def act(scene: Scene, _rng: Random) -> str:
        scene.engines.suspend(name)
        return "SIGSTOP"

    return Hurt(f"suspend {name}", name, act, lambda scene: scene.engines.resume(name), (1.0, 8.0), weight=1)


def _cut(name: str) -> Hurt:
    def act(scene: Scene, _rng: Random) -> str:
        return f"{scene.engines.proxies[name].cut(refuse=True)} connections cut, new ones refused"

    return Hurt(f"cut {name}", name, act, lambda scene: scene.engines.proxies[name].heal(), (0.5, 6.0), weight=1)


def _silence(name: str) -> Hurt:
    def act(scene: Scene, _rng: Random) -> str:
        scene.engines.proxies[name].silence()
        return "nothing passes, nobody is told"

    return Hurt(f"silence {name}", name, act, lambda scene: scene.engines.proxies[name].heal(), (2.0, 10.0), weight=1)


def _slow(name: str) -> Hurt:
    def act(scene: Scene, rng: Random) -> str:
        seconds = rng.uniform(0.02, 0.3)
        scene.engines.proxies[name].slow(seconds)
        return f"{seconds * 1000:.0f} ms each way"

    return Hurt(f"slow {name}", name, act, lambda scene: scene.engines.proxies[name].heal(), (3.0, 8.0), weight=1)


# --- processes of the platform ------------------------------------------------------------------------


def _kill_host(scene: Scene, _rng: Random) -> str:
    scene.kill_host()
    return "kill -9"


def _stop_host(scene: Scene, _rng: Random) -> str:
    scene.stop_host()
    return "SIGINT"


def _kill_function(scene: Scene, rng: Random) -> str:
    return _signalled(scene.any_of(scene.functions(), rng), signal.SIGKILL)


def _kill_zygote(scene: Scene, rng: Random) -> str:
    return _signalled(scene.any_of(scene.zygotes(), rng), signal.SIGKILL)


def _kill_bridge(scene: Scene, rng: Random) -> str:
    return _signalled(scene.any_of(scene.bridges(), rng), signal.SIGKILL)


def _suspend_function(scene: Scene, rng: Random) -> str:
    return _signalled(scene.any_of(scene.functions(), rng), signal.SIGSTOP)


def _resume_functions(scene: Scene) -> None:
    for process in scene.functions():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_STOPPED:
                process.send_signal(signal.SIGCONT)


def _suspend_bridge(scene: Scene, rng: Random) -> str:
    return _signalled(scene.any_of(scene.bridges(), rng), signal.SIGSTOP)


def _resume_bridges(scene: Scene) -> None:
    for process in scene.bridges():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def _signalled(process: psutil.Process | None, number: signal.Signals) -> str:
    if process is None:
        return ""
    try:
        name = process.name()
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return ""
    return f"{number.name} to {name} ({process.pid})"


# --- messages -----------------------------------------------------------------------------------------


def _deliver_again(scene: Scene, rng: Random) -> str:
    """Some of what was sent lately is sent a second time, with the same ids, as a broker or a relay may."""
    query = "SELECT destination, id, body, key, priority, to_queue FROM outbox ORDER BY seq DESC LIMIT 200"
    rows = scene.platform.rows("orchestration", query)
    chosen = rng.sample(rows, min(len(rows), 20))
    copies = [
        (place, Message(id=id_, body=bytes(body), key=key, priority=priority))
        for place, id_, body, key, priority, _ in chosen
    ]
    try:
        with scene.platform.bus() as bus:
            bus.send([one for one in copies if one[0] in QUEUES], [one for one in copies if one[0] not in QUEUES])
    except TryAgain as error:
        return f"up to {len(copies)} messages again ({error.detail})"
    return f"{len(copies)} messages again"


def hurts(proxied: Sequence[str], *, bridges: bool) -> list[Hurt]:
    """Every way to hurt a trial whose platform reaches the engines `proxied` through proxies, and which has `bridges`
    in processes of their own."""
    found = [
        *(_kill_engine(name) for name in ("rabbitmq", "kafka", "postgres", "redis")),
        *([_kill_s3()] if "s3" in proxied else []),
        *(_suspend_engine(name) for name in ("rabbitmq", "kafka", "postgres", "redis", "s3")),
        *(kind(name) for name in proxied for kind in (_cut, _silence, _slow)),
        Hurt("kill host", "host", _kill_host, Scene.start_host, (0.0, 3.0)),
        Hurt("stop host", "host", _stop_host, Scene.start_host, (0.0, 1.0), weight=1),
        Hurt("kill function", "functions", _kill_function, weight=12),
        Hurt("suspend function", "functions", _suspend_function, _resume_functions, (1.0, 6.0), weight=4),
        Hurt("kill zygote", "zygote", _kill_zygote),
        Hurt("deliver again", "messages", _deliver_again, weight=4),
    ]
    if bridges:
        found.append(Hurt("kill bridge", "bridge", _kill_bridge, weight=4))
        found.append(Hurt("suspend bridge", "bridge", _suspend_bridge, _resume_bridges, (1.0, 8.0)))
    return found
