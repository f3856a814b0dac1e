"""`scripts/demo` and `scripts/decide`: what a new user does after `scripts/up`."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.counting import count
from tests.flows.platform import ROOT, Platform
from tests.flows.samples import big_order, order, saleor_bodies

pytestmark = pytest.mark.flow


def run(one: Platform, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb of `scripts/` against a running platform, on a wide screen."""
    return subprocess.run(
        [*one.command(verb), *arguments],
        cwd=ROOT,
        env=one.variables() | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=110,
    )


def kept(one: Platform) -> Counter[tuple[str, str]]:
    """How many tasks of each type have each status."""
    return Counter(one.rows("orchestration", "SELECT type, status FROM tasks"))


def test_a_day_of_the_shop_repeats_safely_and_one_of_it_is_decided(platform: MakePlatform) -> None:
    """40 orders and 10 tickets: each is done or waits, as the table says. The same day again within the hour makes
    nothing new. What it prints about deciding works as it is printed."""
    one = platform().start()
    first = run(one, "demo", "--seed", "7")
    assert first.returncode == 0, first.stdout + first.stderr
    before = kept(one)
    assert sum(before.values()) == 50
    assert {status for _, status in before} <= {"completed", "awaiting_approval"}
    assert before["order", "completed"] + before["order", "awaiting_approval"] == 40
    assert before["order", "completed"] >= 34
    row = re.search(r"waiting for a human\D+(\d+)\D+(\d+)", first.stdout)
    assert row is not None
    waiting = (before["order", "awaiting_approval"], before["support_ticket", "awaiting_approval"])
    assert (int(row[1]), int(row[2])) == waiting
    hour = datetime.now(UTC).hour
    second = run(one, "demo", "--seed", "7")
    if datetime.now(UTC).hour != hour or sum(kept(one).values()) > 50:  # the hour struck: it was another day
        before, second = kept(one), run(one, "demo", "--seed", "7")
    assert second.returncode == 0, second.stdout + second.stderr
    assert kept(one) == before
    printed = re.search(r"scripts/decide (\w+) approve --notes 'known customer'", second.stdout)
    assert printed is not None, second.stdout
    assert f"{printed[1]}" in run(one, "decide").stdout
    decided = run(one, "decide", printed[1], "approve", "--notes", "known customer")
    assert decided.returncode == 0, decided.stdout
    assert json.loads(decided.stdout)["reviewer_notes"] == "known customer"
    again = run(one, "decide", printed[1], "reject")
    assert again.returncode == 1
    assert json.loads(again.stdout)["status"] == 409
    count(one)


def test_a_file_of_ones_own_orders_is_sent(shop: Platform, tmp_path: Path) -> None:
    """Data of tasks and bodies of Saleor's webhook, one a line; blank lines are nothing."""
    lines = [order(), big_order(), *saleor_bodies()]
    path = tmp_path / "orders.jsonl"
    path.write_text("\n\n".join(json.dumps(line) for line in lines))
    before = sum(kept(shop).values())
    said = run(shop, "demo", "--file", str(path))
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"{len(lines)} tasks in" in said.stdout
    assert sum(kept(shop).values()) == before + len(lines)
    again = run(shop, "demo", "--file", str(path))
    assert again.returncode == 0
    assert sum(kept(shop).values()) == before + len(lines)
    count(shop)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"amount": NaN}', "line 2: NaN is not JSON"),
        ('"an order"', "line 2: must be an order's data (an object) or Saleor's body (an array)"),
    ],
)
def test_a_line_that_is_no_order_is_named(shop: Platform, tmp_path: Path, text: str, says: str) -> None:
    """Nothing is sent, not even the good lines before it."""
    path = tmp_path / "orders.jsonl"
    path.write_text(json.dumps(order()) + "\n" + text)
    before = kept(shop)
    said = run(shop, "demo", "--file", str(path))
    assert said.returncode == 1
    assert f"orders.jsonl, {says}" in said.stderr
    assert kept(shop) == before


def test_an_order_that_is_refused_is_shown_with_the_reason(shop: Platform, tmp_path: Path) -> None:
    """The others are done, and the exit code says that not all were."""
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in (order(), order(amount="1.234"), order())))
    said = run(shop, "demo", "--file", str(path))
    assert said.returncode == 1
    assert "refused order: data.amount: has 3 decimal places" in said.stdout
    assert "2 tasks in" in said.stdout


def test_without_a_platform_it_says_how_to_start_one(platform: MakePlatform) -> None:
    """A sentence, not a stack of calls."""
    said = run(platform(), "demo")
    assert said.returncode == 1
    assert "start it with scripts/up in another terminal" in said.stderr
    assert "Traceback" not in said.stderr
