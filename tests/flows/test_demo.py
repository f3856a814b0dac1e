"""What a person does at the command line: a demo day, decisions, dead letters, the record."""

from __future__ import annotations

import json
import re
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

from events.envelope import Envelope
from events.topology import QUEUES
from events.work import ApprovalWork
from shared.bus.port import Message
from shared.ids import derive_id
from shared.runtime.clock import utc_now
from tests.flows.counting import count
from tests.flows.platform import ROOT, Platform, free_port, wait_for
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
    port = ["--port", str(shop.port)] if verb in ("demo", "decide") and "--port" not in arguments else []
    home = ["--home", str(shop.home)] if "--home" not in arguments else []
    variables = shop.variables() | {"COLUMNS": "200", "PYTHONUTF8": "1"} | environment
    command = [sys.executable, "-m", f"scripts.{verb}", *arguments, *port, *home]
    said = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, encoding="utf-8", timeout=110)
    assert "Traceback" not in said.stderr, said.stderr
    return said


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


def test_the_demo_says_how_to_decide_and_what_it_says_works(shop: Platform) -> None:
    """The command line that it prints, run as it stands, decides the request that it names."""
    task = shop.submit("order", big_order())["id"]
    request = shop.request_of(task)["id"]
    said = run(shop, "demo", "--orders", "40", "--tickets", "0", "--seed", "7")
    line = next(line for line in said.stdout.splitlines() if "scripts/decide" in line)
    match = re.search(r"scripts/decide (\S+) approve --notes 'known customer' --port (\d+) --home (\S+)", line)
    assert match is not None
    assert (match[2], match[3]) == (str(shop.port), str(shop.home))
    assert run(shop, "decide", match[1], "approve", "--notes", "known customer").returncode == 0
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


@pytest.mark.parametrize("verb", ["demo", "decide"])
def test_what_is_wrong_with_the_call_is_said_in_words(shop: Platform, verb: str, tmp_path: Path) -> None:
    """A wrong password, a port where nobody is, a home that is none: one sentence each, with the cure."""
    said = run(shop, verb, BIZOSAAS_DEMO_PASSWORD="not the password")
    assert said.returncode == 1
    assert said.stderr == "cannot sign in as admin@demo.example: the e-mail or the password is wrong\n"
    port = str(free_port())
    said = run(shop, verb, "--port", port)
    assert said.returncode == 1
    assert said.stderr == f"nothing answers on http://127.0.0.1:{port}; start it with scripts/up in another terminal\n"
    said = run(shop, verb, "--home", str(tmp_path), BIZOSAAS_DEMO_PASSWORD="")
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


@pytest.mark.parametrize("verb", ["demo", "decide"])
def test_a_platform_that_ends_meanwhile_is_said_in_words(shop: Platform, verb: str) -> None:
    with HTTPServer(("127.0.0.1", 0), _Mortal) as server:

        def once() -> None:
            server.handle_request()
            server.server_close()

        thread = Thread(target=once)
        thread.start()
        said = run(shop, verb, "--port", str(server.server_port))
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


# --- decisions ----------------------------------------------------------------------------------------


def test_the_id_of_a_request_can_be_copied_from_a_narrow_terminal(shop: Platform) -> None:
    """Whole and on one line, in 80 columns."""
    request = shop.request_of(shop.submit("order", big_order())["id"])
    assert request["id"] in run(shop, "decide", COLUMNS="80").stdout


def test_a_request_is_listed_shown_and_approved(shop: Platform) -> None:
    """What waits stands in the list with its reason; the request has all to decide it; approved it goes on, and a
    second decision is a conflict that ends with exit code 1."""
    task = shop.submit("order", big_order())["id"]
    request = shop.request_of(task)
    listed = run(shop, "decide")
    assert listed.returncode == 0
    row = next(row for row in cells(listed.stdout) if row[0] == request["id"])
    assert row[1:3] == ["low", "order"]
    assert row[3] == "high_value_transaction: amount is 5000.01 EUR (limit 5000.00 EUR)"
    shown = run(shop, "decide", request["id"])
    assert shown.returncode == 0
    whole = json.loads(shown.stdout)
    # the coordinator may add its notes meanwhile
    assert {name for name in request if whole[name] != request[name]} <= {"notes", "context"}
    approved = run(shop, "decide", request["id"], "approve", "--notes", "asked by phone")
    assert approved.returncode == 0
    assert json.loads(approved.stdout)["reviewer_notes"] == "asked by phone"
    assert [result["outcome"] for result in shop.task(task, "completed", "awaiting_approval")["results"]]
    again = run(shop, "decide", request["id"], "reject")
    assert again.returncode == 1
    assert json.loads(again.stdout)["status"] == 409
    assert request["id"] not in run(shop, "decide").stdout


def test_a_request_is_modified_or_rejected(shop: Platform, tmp_path: Path) -> None:
    """Modify takes the changed action from a file; without one it says so; reject ends the task."""
    first, second = (shop.submit("order", big_order())["id"] for _ in range(2))
    request = shop.request_of(first)
    assert "modify needs --action FILE" in run(shop, "decide", request["id"], "modify").stderr
    action = tmp_path / "action.json"
    data = request["action"]["data"]
    action.write_text(json.dumps(request["action"] | {"data": data | {"amount": "4000.00"}}))
    modified = run(shop, "decide", request["id"], "modify", "--action", str(action))
    assert modified.returncode == 0, modified.stdout
    assert shop.task(first)["data"]["amount"] == "4000.00"
    rejected = run(shop, "decide", shop.request_of(second)["id"], "reject", "--notes", "a test order")
    assert rejected.returncode == 0
    assert shop.task(second, "rejected")["why"] == "a test order"


def test_somebody_without_the_permission_cannot_decide(shop: Platform) -> None:
    """A reader may look, and is told why not more."""
    request = shop.request_of(shop.submit("order", big_order())["id"])
    assert run(shop, "decide", "--user", "reader@demo.example").returncode == 0
    said = run(shop, "decide", request["id"], "approve", "--user", "reader@demo.example")
    assert said.returncode == 1
    assert "lacks the permission hitl.decide" in json.loads(said.stdout)["detail"]


# --- dead letters -------------------------------------------------------------------------------------


def poison(shop: Platform, task_id: str) -> str:
    """Put a message on a queue that nobody can handle; its id, once it is dead."""
    name = derive_id("poison", task_id)
    event = ApprovalWork(task_id=task_id, step=0)
    envelope = Envelope(id=name, source="/test", event=event, time=utc_now(), extensions={"tenantid": "demo"})
    with shop.bus() as bus:
        bus.send([("hitl_approval", Message(id=name, body=envelope.encode(), key="demo"))])
    wait_for(lambda: letters(shop, name), "the message to die")
    return name


def letters(shop: Platform, message: str) -> list[list[str]]:
    """What `scripts/queues dead` shows of a message."""
    said = run(shop, "queues", "dead", "hitl_approval")
    assert said.returncode == 0
    return [row for row in cells(said.stdout) if row[1] == message]


def noted(shop: Platform, message: str) -> list[tuple[str, str, str]]:
    """Who did what with a dead letter and why, as the audit record of the tenant has it."""
    shop.quiet()
    items = shop.get("/audit?limit=200")["items"]
    facts = [item["data"] for item in items if item["type"] == "bizosaas.orchestration.AuditNoted.v1"]
    return [(fact["action"], fact["why"], fact["detail"]["origin"]) for fact in facts if fact["target"] == message]


def test_a_dead_letter_is_looked_at_replayed_and_discarded_and_each_act_is_on_record(shop: Platform) -> None:
    """Replayed, a message that cannot be handled dies again; discarded, it is gone. Both want a reason."""
    message = poison(shop, "nobody-knows-it")
    depths = {row[0]: row[1:] for row in cells(run(shop, "queues").stdout)}
    assert depths["hitl_approval"] == ["0", "0", "0", "1"]
    assert set(depths) == set(QUEUES)
    letter = letters(shop, message)[0]
    assert (letter[3], letter[4]) == ("1", "404: no task has the id 'nobody-knows-it'")
    silent = run(shop, "queues", "replay", letter[0])
    assert (silent.returncode, silent.stderr) == (64, "say --why: it goes on record\n")
    assert run(shop, "queues", "replay", letter[0], "--why", "the task may be there now").returncode == 0
    wait_for(lambda: [one for one in letters(shop, message) if one[0] != letter[0]], "it to die again")
    second = letters(shop, message)
    assert len(second) == 1
    discarded = run(shop, "queues", "discard", second[0][0], "--why", "it was a test")
    assert (discarded.returncode, discarded.stdout) == (0, f"discard: {message} of hitl_approval\n")
    assert letters(shop, message) == []
    assert noted(shop, message) == [
        ("dead letter discard", "it was a test", "hitl_approval"),
        ("dead letter replay", "the task may be there now", "hitl_approval"),
    ]


def test_a_topic_in_which_a_fact_died_is_shown_beside_the_queues(shop: Platform) -> None:
    """Else nobody would look there."""
    with shop.bus() as bus:
        bus.send([], [("domain.trading", Message("no-fact", b"no fact", key="demo"))])

    def shown() -> list[list[str]]:
        return [row for row in cells(run(shop, "queues").stdout) if row[0] == "domain.trading"]

    assert wait_for(shown, "the topic to be shown") == [["domain.trading", "", "", "", "1"]]


def test_what_is_wrong_with_a_call_of_queues_is_said_in_words(shop: Platform, tmp_path: Path) -> None:
    said = run(shop, "queues", "replay", "4711", "--why", "x")
    assert said.returncode == 66
    assert "4711" in said.stderr
    said = run(shop, "queues", "dead", "auto_nothing")
    assert (said.returncode, said.stderr) == (1, "auto_nothing is neither a queue nor a topic\n")
    said = run(shop, "queues", "dead")
    assert (said.returncode, said.stderr) == (64, "dead needs one more word; see --help\n")
    said = run(shop, "queues", "--home", str(tmp_path))
    assert said.returncode == 66
    assert f"there is no bus in {tmp_path}" in said.stderr


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
