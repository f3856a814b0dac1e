"""The real engines on this machine: PostgreSQL, RabbitMQ, Kafka, Redis and S3, on 127.0.0.1, in a folder each.

scripts/services up [NAMES]             start what does not run; what is missing is installed when run as root on Debian
scripts/services status [NAMES]         what runs where
scripts/services env [NAMES]            the settings to use them: eval "$(scripts/services env)"; scripts/up
scripts/services down [NAMES] [--wipe]  end them, and with --wipe forget their data
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.engines import fleet
from scripts.engines.contract import ADDRESS, StartFailed
from scripts.engines.install import provide
from scripts.engines.instance import Instance, locked, read
from scripts.engines.processes import find, memory
from scripts.engines.table import ENGINES


def main() -> int:
    """Returns 0 when what was asked was done, 1 when an engine did not start or does not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["up", "down", "status", "env"])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ENGINES)}; all when none is named")
    parser.add_argument("--dir", type=Path, help="the folder of their state and data (.services)")
    parser.add_argument("--wipe", action="store_true", help="with down: forget their data and ports")
    parser.add_argument("--json", action="store_true", help="with status: for programs")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in ENGINES]:
        parser.error(f"{unknown[0]} is none of {', '.join(ENGINES)}")
    names = options.names or list(ENGINES)
    folder = fleet.home(options.dir)
    if options.verb == "up":
        return _up(names, folder)
    if options.verb == "down":
        return _down(names, folder, options.wipe)
    return _env(names, folder) if options.verb == "env" else _status(names, folder, options.json)


def up(names: list[str] | None = None, folder: Path | None = None, say: fleet.Say = lambda _: None) -> None:
    """Have these engines up (all when None), started side by side. Raises `StartFailed` with all that went wrong."""
    chosen = names or list(ENGINES)
    place = fleet.home(folder)
    with locked(place / "install.lock"):
        provide((lack for name in chosen for lack in ENGINES[name].missing()), say)
    with ThreadPoolExecutor(len(chosen)) as pool:
        faults = [fault for fault in pool.map(lambda name: _start(name, place, say), chosen) if fault]
    if faults:
        raise StartFailed("\n".join(faults))


def _start(name: str, folder: Path, say: fleet.Say) -> str:
    """What went wrong; empty when nothing did."""
    began = time.monotonic()
    try:
        instance = fleet.start(name, folder, lambda text: say(f"{name:<9} {text}"))
    except StartFailed as error:
        return f"{name:<9} {error}"
    say(f"{name:<9} ready on {_address(instance)} after {time.monotonic() - began:.1f} s")
    return ""


def _up(names: list[str], folder: Path) -> int:
    try:
        up(names, folder, lambda text: print(text, file=sys.stderr))
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _down(names: list[str], folder: Path, wipe: bool) -> int:
    for name in names:
        if fleet.stop(name, folder, wipe=wipe):
            print(f"{name:<9} {'wiped' if wipe else 'stopped'}", file=sys.stderr)
    return 0


def _env(names: list[str], folder: Path) -> int:
    missing = 0
    for name in names:
        instance = fleet.answering(name, folder)
        if instance is None:
            missing = 1
            print(f"{name} is not up: scripts/services up {name}", file=sys.stderr)
            continue
        for key, value in ENGINES[name].environment(instance).items():
            print(f"export {key}={shlex.quote(value)}")
    return missing


def _status(names: list[str], folder: Path, as_json: bool) -> int:
    rows = [_row(name, folder) for name in names]
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        table = Table()
        for column in ("engine", "state", "address", "pid", "memory", "up for"):
            table.add_column(column)
        for row in rows:
            table.add_row(
                str(row["name"]), str(row["state"]), str(row["address"] or ""), str(row["pid"] or ""),
                f"{int(row['bytes'] or 0) / 1e6:.0f} MB", f"{int(row['seconds'] or 0)} s",
            )  # fmt: skip
        Console().print(table)
    return 0 if all(row["state"] == "up" for row in rows) else 1


def _row(name: str, folder: Path) -> dict[str, str | int | None]:
    instance = read(folder, name)
    process = find(instance.processes[-1]) if instance else None
    if instance is None or process is None:
        state = "never started" if instance is None else "down"
        address = _address(instance) if instance else None
        return {"name": name, "state": state, "address": address, "pid": None, "bytes": None, "seconds": None}
    state = "up" if ENGINES[name].ready(instance) else "does not answer"
    return {
        "name": name,
        "state": state,
        "address": _address(instance),
        "pid": process.pid,
        "bytes": memory(instance.processes[-1]),
        "seconds": int(time.time() - instance.processes[-1].started),
    }


def _address(instance: Instance) -> str:
    return f"{ADDRESS}:{instance.port}"


if __name__ == "__main__":
    sys.exit(main())
