"""The real engines on this machine: PostgreSQL, RabbitMQ, Kafka, Redis and S3, on 127.0.0.1, in a folder each.

scripts/services up [NAMES]             start what does not run; root on Debian installs what is missing
scripts/services status [NAMES]         what runs where
scripts/services env [NAMES]            the settings to use them: eval "$(scripts/services env)" && scripts/up
scripts/services down [NAMES] [--wipe]  end them, and with --wipe forget their data

Tests of bad days use the functions: `services.kill("rabbitmq", folder)`, `start`, `stop`, `restart`, `suspend`,
`resume`. The project's own engines are shared by all tests: hurt only what was started in a folder of the test.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from scripts.engines import fleet, show
from scripts.engines.contract import Missing, StartFailed
from scripts.engines.fleet import find, kill, restart, resume, start, stop, suspend
from scripts.engines.install import provide
from scripts.engines.instance import locked
from scripts.engines.table import ENGINES

__all__ = ["ENGINES", "StartFailed", "down", "find", "kill", "restart", "resume", "start", "stop", "suspend", "up"]

#: News of an engine: its name, the text, whether it is ready.
News = Callable[[str, str, bool], None]


def up(
    names: Sequence[str] = tuple(ENGINES),
    folder: Path | None = None,
    news: News = lambda *_: None,
    advertised: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Have these engines up, started side by side; `advertised` as for `start`, by name. Raises `StartFailed` with a
    line for each that is not."""
    place = fleet.home(folder)

    def missing() -> list[Missing]:
        return [lack for name in names for lack in ENGINES[name].missing()]

    def installing(text: str) -> None:
        for name in names:
            if ENGINES[name].missing():
                news(name, text, False)

    with locked(place / "install.lock"):
        provide(missing, installing)
    with ThreadPoolExecutor(len(names)) as pool:
        faults = [
            fault for fault in pool.map(lambda name: _start(name, place, news, advertised.get(name)), names) if fault
        ]
    if faults:
        raise StartFailed("\n".join(faults))


def _start(name: str, place: Path, news: News, advertised: int | None) -> str:
    """What went wrong; empty when nothing did."""
    began = time.monotonic()
    try:
        instance = start(name, place, lambda text: news(name, text, False), advertised=advertised)
    except (StartFailed, OSError) as error:
        news(name, "failed", True)
        return f"{name}: {error}"
    news(name, f"ready after {time.monotonic() - began:.1f} s on {instance.address}", True)
    return ""


def down(names: Sequence[str] = tuple(ENGINES), folder: Path | None = None, *, wipe: bool = False) -> list[str]:
    """End these engines, side by side; the names of those that ran (with `wipe`: that were there)."""
    with ThreadPoolExecutor(len(names)) as pool:
        ended = pool.map(lambda name: stop(name, folder, wipe=wipe), names)
        return [name for name, there in zip(names, ended, strict=True) if there]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 when what was asked was done, 1 when an engine did not start or is not up."""
    options = _options(arguments)
    names = list(dict.fromkeys(options.names)) or list(ENGINES)
    try:
        return _do(options, names, fleet.home(options.dir))
    except (StartFailed, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _do(options: argparse.Namespace, names: Sequence[str], place: Path) -> int:
    if options.verb == "up":
        return _up(names, place)
    if options.verb == "down":
        for name in down(names, place, wipe=options.wipe):
            print(f"{name:<9} {'stopped and wiped' if options.wipe else 'stopped'}", file=sys.stderr)
        return 0
    return _env(names, place) if options.verb == "env" else _status(names, place, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "scripts/services", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["up", "status", "env", "down"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ENGINES)}; all when none is named")
    parser.add_argument("--dir", type=Path, help="the folder of their state and data (.services)")
    parser.add_argument("--wipe", action="store_true", help="with down: forget their data and their ports")
    parser.add_argument("--json", action="store_true", help="with status: for programs")
    options = parser.parse_intermixed_args(arguments)
    for name in options.names:
        if name not in ENGINES:
            parser.error(f"{name} is none of {', '.join(ENGINES)}")
    return options


def _up(names: Sequence[str], place: Path) -> int:
    lines = show.Lines(names)
    with lines.running():
        up(names, place, lambda name, text, done: lines.say(name, text, done=done))
    return 0


def _status(names: Sequence[str], place: Path, as_json: bool) -> int:
    states = [show.state_of(name, place) for name in names]
    if as_json:
        print(json.dumps(show.as_data(states), indent=1))
    else:
        show.print_table(states)
    return 0 if all(state.state == "up" for state in states) else 1


def _env(names: Sequence[str], place: Path) -> int:
    """Unless all are up nothing is set, and what is printed fails: half a setting would use the embedded engines for
    the rest in silence."""
    instances = {name: fleet.answering(name, place) for name in names}
    lacking = [name for name, instance in instances.items() if instance is None]
    if lacking:
        print(f"not up: {', '.join(lacking)}; start with scripts/services up {' '.join(lacking)}", file=sys.stderr)
        print("false")
        return 1
    for name, instance in instances.items():
        assert instance is not None
        for key, value in ENGINES[name].environment(instance).items():
            print(f"export {key}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
