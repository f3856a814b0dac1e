"""Count a platform from its stores: wait until it is quiet, read everything, reckon.

The counting runs in a process of its own with the platform's settings (`python -m scripts.trial.count`, promises as
JSON on standard input, the reckoning as JSON on standard output).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.trial.reckoning import Fault, Promised, Reckoning, reckon

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120.0
_SHOWN = 10


def count(
    environ: Mapping[str, str], promised: Promised | None = None, patience: float = PATIENCE_SECONDS
) -> Reckoning:
    """The reckoning of the platform with these settings. What is still under way, when it did not become less for
    `patience` seconds, is in `under_way`, and the rest is as it stood then. Raises `RuntimeError` when the stores
    cannot be read."""
    command = [sys.executable, "-m", "scripts.trial.count", "--patience", str(patience)]
    text = json.dumps(asdict(promised or Promised()), default=list)
    done = subprocess.run(command, cwd=ROOT, env=dict(environ), input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the stores cannot be counted: {done.stderr.strip()[-2000:]}")
    return from_data(json.loads(done.stdout))


def to_data(reckoning: Reckoning) -> dict[str, Any]:
    """As JSON."""
    return {"exact": reckoning.exact, **asdict(reckoning)}


def from_data(data: Mapping[str, Any]) -> Reckoning:
    """What `to_data` gave."""
    kept = {name: value for name, value in data.items() if name != "exact"}
    return Reckoning(**kept | {"faults": [Fault(**fault) for fault in kept["faults"]]})


def as_table(reckoning: Reckoning) -> Table:
    """For people."""
    from rich.table import Table

    sound = "exact" if reckoning.exact else "NOT EXACT"
    sum_ = f"{reckoning.done} done + {reckoning.waiting} waiting + {reckoning.dead} dead-lettered"
    table = Table("", "", title=f"{reckoning.submitted} submitted = {sum_}: {sound}", show_header=False)
    for name, number in (*reckoning.ended.items(), *reckoning.figures.items()):
        table.add_row(name, str(number))
    for reason, number in reckoning.reasons.items():
        table.add_row(f"dead: {reason}", str(number))
    for text in reckoning.under_way:
        table.add_row("[red]under way[/red]", text)
    for fault in reckoning.faults[:_SHOWN]:
        table.add_row(f"[red]{fault.rule}[/red]", fault.detail)
    if len(reckoning.faults) > _SHOWN:
        table.add_row("[red]...[/red]", f"{len(reckoning.faults) - _SHOWN} more faults")
    return table


def main() -> int:
    """Returns 0 when it could be counted, be it exact or not; 75 when a store cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help="seconds to wait for quiet")
    options = parser.parse_args()
    from scripts.trial.books import read_books
    from scripts.trial.quiet import wait_until_quiet
    from shared.bus import open_bus
    from shared.errors import HouseError
    from shared.settings import settings

    promised = Promised(**json.load(sys.stdin))
    bus = open_bus(settings().bus_url)
    try:
        left = wait_until_quiet(bus, options.patience, os.environ)
        print(json.dumps(to_data(reckon(read_books(bus), promised, left))))
    except HouseError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
        return error.exit_code
    finally:
        bus.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
