"""The busiest tables are changed while five hundred tasks flow: nothing is lost, callers see nothing worse than 503."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.platform import ROOT, Platform
from tests.flows.processes.conftest import MakeHouse
from tests.flows.processes.round import Round, no_traceback
from tests.versions import BUSIEST, next_revision, with_one_more

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1500)]

#: `scripts/trial` knows of no version that is not there yet, so the process that changes is told where it is.
PROGRAM = """
import logging, sys
from pathlib import Path
from shared.store import migrate

logging.basicConfig(level=logging.WARNING)
migrate.VERSIONS = Path(sys.argv[1])
if sys.argv[2] == "up":
    migrate.migrate_all()
else:
    for context in sys.argv[3:]:
        migrate.step_back(context)
"""


def change(one: Platform, versions: Path, way: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(versions), way, *BUSIEST]
    done = subprocess.run(command, cwd=ROOT, env=one.variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def versions_of(one: Platform) -> list[str]:
    return [str(one.rows(context, "SELECT version_num FROM alembic_version")[0][0]) for context in BUSIEST]


def test_a_column_and_an_index_come_go_and_come_while_work_flows(house: MakeHouse, tmp_path: Path) -> None:
    one = house().start()
    before, after = versions_of(one), [next_revision(context) for context in BUSIEST]
    versions = with_one_more(tmp_path)
    work = Round(one)
    for number in work.moments(3):
        change(one, versions, ("up", "down", "up")[number])
        assert versions_of(one) == (after, before, after)[number]
    work.reckoning()
    work.nobody_was_told_more_than_to_ask_again()
    no_traceback(one)
