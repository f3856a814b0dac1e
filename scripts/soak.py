"""Run a platform of its own on real engines of its own, hurt it all the time, and count at the end.

    scripts/soak [--minutes 20] [--every 5] [--rate 5] [--seed 1] [--only NAMES] [--json FILE] [--log FILE]

Orders, tickets and events come all the time, callers ask again until they are answered, reviewers decide some of what
waits. Every few seconds something is killed, suspended, cut off or slowed: `--list` shows what. Then everything is
healed, what is under way may end, and the stores are counted:

    submitted = done + waiting + dead-lettered, every effect once

Exit code 0 when that is exact and nothing answered or ended as it must not, 1 when not, 69 when an engine does not
start. Ctrl-C ends it in order, with a count; a second one without. Everything that it started is gone at the end.
docs/operations/soak.md tells how to read it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from scripts.engines.contract import StartFailed
from scripts.trial import show
from scripts.trial.complaints import complaints
from scripts.trial.count import count
from scripts.trial.engines import ALL, Engines
from scripts.trial.guard import ENGINES, HOME, guarded
from scripts.trial.hurts import Hurt, hurts
from scripts.trial.load import Load
from scripts.trial.platform import Platform
from scripts.trial.reckoning import Reckoning
from scripts.trial.scene import Scene
from scripts.trial.stacks import light_stack
from scripts.trial.torment import Torment
from scripts.trial.watch import Watch

#: How long what is under way at the end may stay as much as it is: a retry comes after a minute at most.
QUIET_SECONDS = 300.0


@dataclasses.dataclass(frozen=True)
class Soaked:
    """What a soak found. `wrong` is what must not happen beside a count that is not exact: answers that no caller
    expects, ends of the platform that nobody asked for, what could not be healed."""

    seconds: float
    reckoning: Reckoning
    wrong: Sequence[str]
    answers: dict[str, int]
    torment: Torment
    watch: Watch
    complaints: dict[str, int]

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled or wrong."""
        return self.reckoning.exact and not self.wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _options(arguments)
    table = hurts(ALL, bridges=options.bridges > 0)
    chosen = [hurt for hurt in table if not options.only or any(one in hurt.name for one in options.only)]
    console = Console()
    if options.list:
        show.print_hurts(chosen, console)
        return 0
    if not chosen:
        print(f"no hurt is named like {', '.join(options.only)}; --list shows them", file=sys.stderr)
        return 2
    over = threading.Event()
    with _ends_on_signals(over), tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the engines' own users look for their data inside
        try:
            with guarded(folder):
                soaked = soak(options, folder, chosen, over, console)
        except StartFailed as error:
            print(error, file=sys.stderr)
            return 69
    show.print_result(soaked, console)
    if options.json:
        options.json.write_text(json.dumps(show.as_data(soaked), indent=1) + "\n")
    return 0 if soaked.good else 1


def soak(
    options: argparse.Namespace, folder: Path, chosen: Sequence[Hurt], over: threading.Event, console: Console
) -> Soaked:
    """Everything, in a folder of its own, until the time is over or `over` is set. Raises `StartFailed`."""
    with console.status("starting the engines"), Engines(folder / ENGINES, behind=ALL) as engines:
        stack = None if options.agents else light_stack(folder / "stack")
        platform = Platform(folder / HOME, stack, **engines.environment())
        platform.log = options.log or folder / "platform.log"
        platform.log.write_text("")
        scene = Scene(engines, platform, ("--bridges", str(options.bridges)))
        try:
            scene.start_host()
            console.print(f"the platform is on http://127.0.0.1:{platform.port}, its log in {platform.log}")
            return _soak(options, scene, chosen, over, console)
        finally:
            platform.close()


def _soak(
    options: argparse.Namespace, scene: Scene, chosen: Sequence[Hurt], over: threading.Event, console: Console
) -> Soaked:
    began = time.monotonic()
    load = Load(scene.platform.port, seed=options.seed, rate=options.rate).start()
    watch = Watch(scene).start()
    torment = Torment(scene, chosen, options.seed, options.every).start()
    with show.Progress(console, load, watch, torment) as progress:
        until = began + options.minutes * 60
        while time.monotonic() < until and not over.wait(1.0) and not torment.broken:
            progress.update(until - time.monotonic(), "soaking")
        progress.update(0, "healing")
        torment.stop()
        scene.engines.heal()
        scene.supervise()
        progress.update(0, "the last callers")
        promised = load.finish()
        progress.update(0, "waiting until all is quiet")
        seconds = time.monotonic() - began
        reckoning = count(scene.platform.variables(), promised, QUIET_SECONDS)
        watch.stop()
    wrong = [*load.refused, *scene.ended, *torment.broken]
    if not promised.whole:
        wrong.append("not everything that was begun was accepted in the end")
    assert scene.platform.log is not None
    with scene.platform.log.open() as log:
        said = dict(complaints(log).most_common())
    return Soaked(round(seconds, 1), reckoning, wrong, dict(load.answers), torment, watch, said)


@contextmanager
def _ends_on_signals(over: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks for the end, the second one is as ever."""
    before: dict[signal.Signals, Any] = {}

    def ask(_number: int, _frame: FrameType | None) -> None:
        over.set()
        for number, handler in before.items():
            signal.signal(number, signal.default_int_handler if number == signal.SIGTERM else handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "scripts/soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="how long it is hurt")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two hurts, on average")
    parser.add_argument("--rate", type=float, default=5.0, help="orders, tickets and events a second")
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same, and hurts in the same order")
    parser.add_argument("--bridges", type=int, default=2, help="bridges in processes of their own; 0: the host does it")
    parser.add_argument("--agents", action="store_true", help="with CrewAI's image, as where a model is configured")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="hurts with one of these in their name")
    parser.add_argument("--list", action="store_true", help="show the hurts and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found there, for programs")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the platform's log there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
