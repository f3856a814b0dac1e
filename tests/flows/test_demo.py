"""What a person does at the command line: a demo day, and the record. `test_command.py` tells of the rest."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.flows.counting import count
from tests.flows.platform import ROOT, Platform, free_port
from tests.flows.samples import big_order, order
from tests.flows.stacks import light_stack

pytestmark = pytest.mark.flow
SALEOR = ROOT / "tests" / "data" / "saleor_orders.jsonl"
Said = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of this file's own: it counts all the tasks that there are."""
    folder = tmp_path_factory.mktemp("demo")
    platform = Platform(folder / "home", light_stack(folder))
    try:
        yield platform.start()
    finally:
        platform.close()


def run(shop: Platform, verb: str, *arguments: str, **environment: str) -> Said:
    """A script as a person runs it, with the home, and the port where it takes one."""
    port = ["--port", str(shop.port)] if verb == "demo" and "--port" not in arguments else []
    home = ["--home", str(shop.home)] if "--home" not in arguments else []
    variables = shop.variables() | {"COLUMNS": "200", "PYTHONUTF8": "1"} | environment
    command = [sys.executable, "-m", f"scripts.{verb}", *arguments, *port, *home]
    said = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, encoding="utf-8", timeout=110)
    assert "Traceback" not in said.stderr, said.stderr
    return said


def command(shop: Platform, arguments: list[str], **environment: str) -> Said:
    """`scripts/bizosaas` as a person runs it."""
    variables = {name: value for name, value in shop.variables().items() if name != "BIZOSAAS_DEMO_PASSWORD"}
    line = [sys.executable, "-m", "scripts.command", *arguments]
    return subprocess.run(
        line, cwd=ROOT, env=variables | environment, capture_output=True, encoding="utf-8", timeout=60
    )


def cells(text: str) -> list[list[str]]:
    """The rows of the tables in a script's output."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def table(text: str) -> dict[str, tuple[int, int]]:
    """What became of the demo's orders and tickets, by its first table."""
    names = ("done by roles", "waiting for a human", "failed or rejected", "still working")
    return {row[0]: (int(row[1]), int(row[2])) for row in cells(text) if row[0] in names}


def stored(shop: Platform) -> Counter[tuple[str, str]]:
    """How many tasks there are, by type and status."""
    rows = shop.rows("orchestration", "SELECT type, status, count(*) FROM tasks GROUP BY 1, 2")
    return Counter({(kind, status): number for kind, status, number in rows})


# --- the day ------------------------------------------------------------------------------------------


def test_a_demo_day_is_counted_as_it_stands_in_the_database_and_repeats_safely(shop: Platform) -> None:
    """40 orders and 10 tickets; the table agrees with the database. The same seed in the same hour is the same day:
    the same table, and not one task more."""
    first, second, seed = _twice_in_one_hour(shop)
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr + second.stderr
    tasks = stored(shop)
    days = 1 + seed - 7
    shown = table(first.stdout)
    assert shown == table(second.stdout)
    assert sum(orders for orders, _ in shown.values()) == 40
    assert sum(tickets for _, tickets in shown.values()) == 10
    assert sum(tasks.values()) == 50 * days
    if days == 1:
        for state, status in (("done by roles", "completed"), ("waiting for a human", "awaiting_approval")):
            assert shown[state] == (tasks["order", status], tasks["support_ticket", status])
    assert shown["waiting for a human"][0] >= 6
    assert shown["failed or rejected"] == shown["still working"] == (0, 0)
    for reason in ("high_value_transaction", "new_customer_high_risk", "fraud_risk_detected"):
        assert reason in first.stdout
    count(shop)


def _twice_in_one_hour(shop: Platform) -> tuple[Said, Said, int]:
    seed = 7
    while True:
        hour = datetime.now(UTC).hour
        first, second = (run(shop, "demo", "--seed", str(seed)) for _ in range(2))
        if datetime.now(UTC).hour == hour:
            return first, second, seed
        seed += 1


def test_the_demo_says_how_to_decide_and_what_it_says_works(shop: Platform, tmp_path: Path) -> None:
    """The command lines that it prints, run as they stand, decide the request that they name."""
    task = shop.submit("order", big_order())["id"]
    request = shop.request_of(task)["id"]
    said = run(shop, "demo", "--orders", "40", "--tickets", "0", "--seed", "7")
    login, decide = (line.split("scripts/bizosaas ")[1] for line in said.stdout.splitlines() if "bizosaas" in line)
    match = re.fullmatch(r"approvals decide (\S+) approve --notes 'known customer'", decide)
    assert match is not None
    for line in (login, decide):
        assert command(shop, shlex.split(line), XDG_CONFIG_HOME=str(tmp_path)).returncode == 0
    decided = shop.get(f"/hitl/requests/{match[1]}")
    assert (decided["decision"], decided["reviewer_notes"]) == ("approve", "known customer")
    assert f"http://127.0.0.1:{shop.port}/hitl/decision" in said.stdout
    assert request != match[1]  # it is one of the day's own


def test_a_file_of_saleor_s_webhooks_is_taken_once(shop: Platform) -> None:
    """Ten bodies, each an order with a task; a second run finds the same tasks."""
    before = sum(stored(shop).values())
    first = run(shop, "demo", "--file", str(SALEOR))
    again = run(shop, "demo", "--file", str(SALEOR))
    assert (first.returncode, again.returncode) == (0, 0), first.stdout + first.stderr
    assert sum(orders for orders, _ in table(first.stdout).values()) == 10
    assert table(first.stdout) == table(again.stdout)
    assert sum(stored(shop).values()) == before + 10
    causes = shop.rows("orchestration", "SELECT count(*) FROM tasks WHERE cause LIKE '/saleor#%'")
    assert causes == [(10,)]


def test_a_file_of_one_s_own_orders_is_taken(shop: Platform, tmp_path: Path) -> None:
    """One object a line, empty lines between them; the same order twice in it is one task. What Unicode calls a line
    separator may stand in a JSON text."""
    twice = order(note="one line\u2028and another")
    path = tmp_path / "orders.jsonl"
    path.write_text(
        "\n\n".join(json.dumps(one, ensure_ascii=False) for one in (order(), twice, big_order(), twice)) + "\n"
    )
    before = sum(stored(shop).values())
    said = run(shop, "demo", "--file", str(path))
    assert said.returncode == 0, said.stdout + said.stderr
    assert table(said.stdout)["done by roles"] == (2, 0)
    assert table(said.stdout)["waiting for a human"] == (1, 0)
    assert sum(stored(shop).values()) == before + 3


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"order_id": ', "line 2: "),
        ('"an order"', "line 2: must be an order's data (an object) or Saleor's body (an array)"),
        ('{"a": 1, "a": 2}', "line 2: the key 'a' stands twice"),
    ],
)
def test_a_bad_line_of_a_file_is_named_by_its_number_and_nothing_is_sent(
    shop: Platform, tmp_path: Path, line: str, says: str
) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(f"{json.dumps(order())}\n{line}\n")
    before = stored(shop)
    said = run(shop, "demo", "--file", str(path))
    assert said.returncode == 1
    assert f"{path}, {says}" in said.stderr
    assert stored(shop) == before


def test_an_order_that_is_refused_is_shown_with_the_rule(shop: Platform, tmp_path: Path) -> None:
    """The others are done; the exit code says that not all was taken."""
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (order(amount="a lot"), order())))
    said = run(shop, "demo", "--file", str(path))
    assert said.returncode == 1
    assert re.search(r"refused order: .*amount", said.stdout)
    assert table(said.stdout)["done by roles"] == (1, 0)


# --- what can be wrong with the call ------------------------------------------------------------------


def test_what_is_wrong_with_the_call_is_said_in_words(shop: Platform, tmp_path: Path) -> None:
    """A wrong password, a port where nobody is, a home that is none: one sentence each, with the cure."""
    said = run(shop, "demo", BIZOSAAS_DEMO_PASSWORD="not the password")
    assert said.returncode == 1
    assert said.stderr == "cannot sign in as admin@demo.example: the e-mail or the password is wrong\n"
    port = str(free_port())
    said = run(shop, "demo", "--port", port)
    assert said.returncode == 1
    assert said.stderr == f"nothing answers on http://127.0.0.1:{port}; start it with scripts/up in another terminal\n"
    said = run(shop, "demo", "--home", str(tmp_path), BIZOSAAS_DEMO_PASSWORD="")
    assert said.returncode == 1
    assert said.stderr == f"there is no {tmp_path / 'demo-password'}; name the home of scripts/up with --home\n"


class _Somebody(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Welcome</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_another_server_on_the_port_is_said_in_words(shop: Platform) -> None:
    with HTTPServer(("127.0.0.1", 0), _Somebody) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        said = run(shop, "demo", "--port", str(server.server_port))
        server.shutdown()
        thread.join()
    assert said.returncode == 1
    assert said.stderr == f"what answers on http://127.0.0.1:{server.server_port} is not this platform\n"


class _Mortal(_Somebody):
    """Lets somebody in, and is gone."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"access_token": "t"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_platform_that_ends_meanwhile_is_said_in_words(shop: Platform) -> None:
    with HTTPServer(("127.0.0.1", 0), _Mortal) as server:

        def once() -> None:
            server.handle_request()
            server.server_close()

        thread = Thread(target=once)
        thread.start()
        said = run(shop, "demo", "--port", str(server.server_port))
        thread.join()
    base = f"http://127.0.0.1:{server.server_port}"
    assert said.returncode == 1
    assert said.stderr.startswith(f"{base} answers no more; what it took is kept: start it again with scripts/up")


def test_a_file_that_cannot_be_read_is_said_in_words(shop: Platform, tmp_path: Path) -> None:
    said = run(shop, "demo", "--file", str(tmp_path / "none.jsonl"))
    assert (said.returncode, said.stderr) == (1, f"cannot read {tmp_path / 'none.jsonl'}: No such file or directory\n")
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff\xe0")
    said = run(shop, "demo", "--file", str(tmp_path / "picture"))
    assert (said.returncode, said.stderr) == (1, f"cannot read {tmp_path / 'picture'}: it is not UTF-8 text\n")


# --- the record ---------------------------------------------------------------------------------------


def test_a_sound_record_is_said_to_be_sound(shop: Platform) -> None:
    """Exit code 0, and how many facts each tenant's chain has; while the platform runs."""
    shop.submit("order", big_order())
    shop.quiet()
    said = run(shop, "audit_verify")
    assert said.returncode == 0
    facts = shop.rows("audit", "SELECT count(*) FROM record WHERE tenant = 'demo'")[0][0]
    assert f"demo: {facts} facts, the chain is sound" in said.stdout.splitlines()


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (("UPDATE record SET actor = 'nobody' WHERE position = 3",), r"row 3 \(.*\) was changed"),
        (("DELETE FROM record WHERE position = 3",), "rows 3 to 3 are missing"),
        (("DELETE FROM record WHERE position > 3",), "the chain ends at row 3, not where its head says"),
        (
            (
                "UPDATE record SET position = -position WHERE position IN (3, 4)",
                "UPDATE record SET position = 7 + position WHERE position < 0",
            ),
            "row 3 does not follow the row before it",
        ),
        (("UPDATE record SET data = CAST(x'ff' AS TEXT) WHERE position = 3",), "the chain cannot be read"),
    ],
    ids=["changed", "missing", "cut", "reordered", "no text"],
)
def test_a_tampered_record_is_found(shop: Platform, tmp_path: Path, statements: tuple[str, ...], says: str) -> None:
    """Exit code 1, and the row is named; the other tenants' chains are not blamed."""
    for _ in range(2):
        shop.submit("order", big_order())
    shop.quiet()
    with (
        closing(sqlite3.connect(shop.home / "audit.db")) as real,
        closing(sqlite3.connect(tmp_path / "audit.db")) as copy,
    ):
        real.backup(copy)
        with copy:
            for statement in statements:
                copy.execute(f"{statement} AND tenant = 'demo'")
    said = run(shop, "audit_verify", "--home", str(tmp_path))
    assert said.returncode == 1
    assert re.search(f"^demo: {says}", said.stdout, re.MULTILINE), said.stdout
    assert all(line.startswith("demo: ") or line.endswith("sound") for line in said.stdout.splitlines())
    assert run(shop, "audit_verify", "--home", str(tmp_path), "--tenant", "other").returncode == 0


def test_a_home_without_a_record_is_said_in_words(shop: Platform, tmp_path: Path) -> None:
    said = run(shop, "audit_verify", "--home", str(tmp_path))
    assert (said.returncode, said.stderr) == (66, f"there is no audit record in {tmp_path}\n")
