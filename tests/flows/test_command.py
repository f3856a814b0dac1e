"""`scripts/bizosaas` beside a running platform: each verb, in words and as JSON, with its exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from events.envelope import Envelope
from events.topology import QUEUES, TOPOLOGY
from events.work import ApprovalWork
from scripts.command.app import main
from scripts.command.keys import Keys
from shared.bus.port import Message
from shared.ids import derive_id
from shared.runtime.clock import utc_now
from tests.flows.conftest import MakePlatform
from tests.flows.platform import ADMIN, PASSWORD, ROOT, Platform, free_port, wait_for
from tests.flows.samples import big_order, order

pytestmark = pytest.mark.flow
QUEUE = "hitl_approval"
SUPER, READER, OTHER = "super@demo.example", "reader@demo.example", "admin@other.example"


@dataclass
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal(io.StringIO):
    """Somebody who types, or (`typed` is False) a pipe."""

    def __init__(self, text: str, *, typed: bool) -> None:
        super().__init__(text)
        self._typed = typed

    def isatty(self) -> bool:
        return self._typed


class Operator:
    """Somebody at a terminal of their own, signed in to a platform."""

    def __init__(
        self, shop: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.shop, self.folder = shop, folder
        self._patch, self._capsys = monkeypatch, capsys
        for name in [name for name in os.environ if name.startswith("BIZOSAAS_")]:
            monkeypatch.delenv(name)
        self.url = str(shop.client.base_url)
        monkeypatch.setenv("BIZOSAAS_URL", self.url)
        monkeypatch.setenv("COLUMNS", "250")

    def sign_in(self, email: str) -> Operator:
        self._patch.setenv("XDG_CONFIG_HOME", str(self.folder / email))
        said = self("login", email, stdin=f"{PASSWORD}\n")
        assert said.code == 0, said.err
        return self

    def __call__(self, *arguments: str, stdin: str = "", typed: bool = False) -> Said:
        self._patch.setattr(sys, "stdin", Terminal(stdin, typed=typed))
        self._capsys.readouterr()
        code = main(arguments)
        told = self._capsys.readouterr()
        return Said(code, told.out, told.err)


@pytest.fixture
def operator(
    shop: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    """The administrator of the demo shop."""
    return Operator(shop, tmp_path, monkeypatch, capsys).sign_in(ADMIN)


# --- signing in ---------------------------------------------------------------------------------------


def test_login_keeps_what_the_next_commands_need_and_logout_ends_it(operator: Operator) -> None:
    """The address too. After logout the session's refresh token works no more, and nothing is left in the file."""
    key = Keys().get(operator.url)
    assert key is not None
    assert (key.email, key.tenant, key.role) == (ADMIN, "demo", "TENANT_ADMIN")
    del os.environ["BIZOSAAS_URL"]
    assert operator("status", "--json").json["tenant"] == "demo"
    assert operator("logout", "--json").json == {"url": operator.url, "signed_out": True}
    again = operator.shop.client.post("/auth/refresh", json={"refresh_token": key.refresh_token})
    assert again.status_code == 401
    assert key.access_token not in Keys().path.read_text()
    assert operator("status", "--url", operator.url).code == 77
    assert operator("logout").out == f"nobody was signed in to {operator.url}\n"


def test_a_password_comes_from_a_file_or_the_environment_and_a_wrong_one_is_77(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = operator.folder / "password"
    file.write_text(f"{PASSWORD}\n")
    told = operator("login", ADMIN, "--password-file", str(file), "--tenant", "demo", "--json").json
    assert told == {"url": operator.url, "email": ADMIN, "tenant": "demo", "role": "TENANT_ADMIN"}
    assert operator("login", ADMIN, "--tenant", "other", "--password-file", str(file)).code == 77
    monkeypatch.setenv("BIZOSAAS_PASSWORD", "wrong")
    said = operator("login", ADMIN)
    assert said.code == 77
    assert said.err == ("Sign in first: the e-mail or the password is wrong\ncheck the e-mail and the password\n")
    assert PASSWORD not in Keys().path.read_text()


def test_an_expired_token_is_exchanged_and_a_wrong_one_in_the_environment_is_77(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Keys().get(operator.url)
    assert before is not None
    text = Keys().path.read_text()
    Keys().path.write_text(text.replace(str(before.expires_at), "1.0"))
    assert operator("status").code == 0
    after = Keys().get(operator.url)
    assert after is not None
    assert after.access_token != before.access_token
    monkeypatch.setenv("BIZOSAAS_TOKEN", operator.shop.token(READER))
    assert operator("tasks", "list").code == 0
    assert operator("status").code == 77
    monkeypatch.setenv("BIZOSAAS_TOKEN", "abc.def.ghi")
    said = operator("tasks", "list", "--json")
    assert said.code == 77
    assert json.loads(said.err)["status"] == 401


@pytest.mark.parametrize(
    "line", ["status", "agents", "topology", "tasks list", "approvals list", "queues list", "audit verify",
             "events tail", "tasks submit order --data {}", "queues peek auto_seo"],
)  # fmt: skip
def test_without_a_platform_every_verb_ends_with_69_and_the_cure(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("BIZOSAAS_TOKEN", "t")
    url = f"http://127.0.0.1:{free_port()}"
    said = operator(*line.split(), "--url", url)
    assert (said.code, said.out) == (69, "")
    assert said.err.startswith(f"Nothing answers: {url} ")
    assert "start it with scripts/up" in said.err
    told = json.loads(operator(*line.split(), "--url", url, "--json").err)
    assert (told["exit_code"], told["title"]) == (69, "Nothing answers")


# --- what there is ------------------------------------------------------------------------------------


def test_status_counts_the_tenant_s_work(operator: Operator) -> None:
    """As the API and the database have it; the platform's backlog is for who runs it."""
    operator.shop.request_of(operator.shop.submit("order", big_order())["id"])
    told = operator("status", "--json").json
    waiting = operator.shop.rows("orchestration", "SELECT count(*) FROM approvals WHERE status = 'pending'")[0][0]
    assert sum(told["pending"].values()) == waiting
    assert told["backlog"] is None
    assert f"{told['open']['awaiting_approval']} awaiting approval" in operator("status").out
    operator.sign_in(SUPER)
    assert operator("status", "--json").json["backlog"].keys() == {"ready", "under_way", "delayed", "unsent"}
    assert "all queues" in operator("status").out


def test_agents_and_topology_are_shown(operator: Operator) -> None:
    assert "fraud_screener" in operator("agents").out
    assert operator("agents", "--json").json["items"][0].keys() >= {"name", "waiting", "running"}
    assert operator("agents", "fraud_screener", "--json").json["queue"] == "auto_orders"
    assert "goal" in operator("agents", "fraud_screener").out
    assert operator("agents", "nobody").code == 66
    told = operator("topology", "--json").json
    assert {one["name"]: one["ttl_seconds"] for one in told["queues"]} == {n: q.ttl_seconds for n, q in QUEUES.items()}
    assert {one["name"]: one["partitions"] for one in told["topics"]} == {
        n: t.partitions for n, t in TOPOLOGY.topics.items()
    }
    shown = operator("topology").out
    assert all(name in shown for name in (*QUEUES, *TOPOLOGY.topics, "auto_seo.dlq"))


# --- tasks --------------------------------------------------------------------------------------------


def test_a_task_is_submitted_watched_shown_and_listed(operator: Operator) -> None:
    """The same key again is the same task."""
    data = json.dumps(order())
    first, again = (operator("tasks", "submit", "order", "--data", data, "--key", data[20:60], "--json") for _ in "12")
    assert (first.code, first.json) == (0, again.json)
    task = first.json["id"]
    watched = operator("tasks", "watch", task, "--json", "--timeout", "60s")
    assert watched.code == 0
    *happened, end = watched.lines
    assert (end["id"], end["status"]) == (task, "completed")
    timeline = operator.shop.get(f"/tasks/{task}/events")["items"]
    assert [one["id"] for one in happened] == [one["id"] for one in timeline]
    assert operator("tasks", "watch", task).out.splitlines()[-1] == "completed"
    assert operator("tasks", "show", task, "--json").json["status"] == "completed"
    assert re.search(r"status +completed", operator("tasks", "show", task).out)
    listed = operator("tasks", "list", "--status", "completed", "--type", "order", "--limit", "0", "--json").json
    assert task in [one["id"] for one in listed["items"]]
    assert task in operator("tasks", "list").out
    assert operator("tasks", "submit", "order", "--data", json.dumps(order()), "--watch").code == 0


def test_what_is_not_completed_is_1_and_what_takes_too_long_is_75(operator: Operator) -> None:
    task = operator.shop.submit("order", big_order())["id"]
    late = operator("tasks", "watch", task, "--timeout", "0s")
    assert (late.code, "the task is awaiting_approval" in late.err) == (75, True)
    request = operator.shop.request_of(task)["id"]
    assert operator("approvals", "decide", request, "reject", "--notes", "a test").code == 0
    ended = operator("tasks", "watch", task)
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "rejected: a test")


def test_a_file_of_tasks_is_sent_and_what_is_refused_is_named_by_its_line(operator: Operator) -> None:
    """The others are sent; the same key sends each line once."""
    file = operator.folder / "orders.jsonl"
    bad = order(amount="a lot")
    file.write_text("\n".join(json.dumps(one) for one in (order(), bad, order())) + "\n\n")
    line = ("tasks", "submit", "order", "--file", str(file), "--key", f"k{time.time()}")
    first, again = operator(*line, "--json"), operator(*line, "--json")
    assert first.code == again.code == 65
    assert [one["line"] for one in first.lines] == [1, 3]
    assert [one["id"] for one in first.lines] == [one["id"] for one in again.lines]
    told = json.loads(first.err)
    assert told["title"] == "1 of 3 were refused"
    assert [problem["field"] for problem in told["problems"]] == ["line 2: data.amount"]
    shown = operator(*line)
    assert "  line 2: data.amount: " in shown.err
    piped = operator("tasks", "submit", "order", "--file", "-", stdin=json.dumps(order()))
    assert (piped.code, len(piped.out.splitlines())) == (0, 1)


def test_a_foreign_tenant_s_task_and_one_that_is_none_are_66(operator: Operator) -> None:
    task = operator.shop.submit("order", big_order())["id"]
    operator.sign_in(OTHER)
    for name in (task, "nobody"):
        for verb in ("show", "watch"):
            assert operator("tasks", verb, name).code == 66
    assert operator.shop.get(f"/tasks/{task}")["status"] == "awaiting_approval"


# --- approvals ----------------------------------------------------------------------------------------


def test_a_request_is_listed_shown_and_approved_once(operator: Operator) -> None:
    task = operator.shop.submit("order", big_order())["id"]
    request = operator.shop.request_of(task)["id"]
    listed = operator("approvals", "list", "--urgency", "low", "--type", "order", "--limit", "0", "--json").json
    assert request in [one["id"] for one in listed["items"]]
    assert request not in operator("approvals", "list", "--urgency", "high", "--limit", "0", "--json").out
    row = next(line for line in operator("approvals", "list", "--limit", "0").out.splitlines() if request in line)
    assert "high_value_transaction: amount is 5000.01 EUR (limit 5000.00 EUR)" in row
    shown = operator("approvals", "show", request, "--json").json
    assert shown["action"]["role"] == "payment_validator"
    assert "action_hash" in operator("approvals", "show", request).out
    wrong = operator("approvals", "decide", request, "approve", "--seen", "0" * 32)
    assert (wrong.code, "look at it again" in wrong.err) == (65, True)
    seen = shown["action_hash"]
    told = operator("approvals", "decide", request, "approve", "--notes", "by phone", "--seen", seen, "--json").json
    assert (told["status"], told["reviewer_notes"]) == ("approved", "by phone")
    again = operator("approvals", "decide", request, "reject", "--json")
    assert (again.code, json.loads(again.err)["status"]) == (65, 409)


def test_a_request_s_id_can_be_copied_from_a_narrow_terminal(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole and on one line, in 80 columns."""
    request = operator.shop.request_of(operator.shop.submit("order", big_order())["id"])["id"]
    monkeypatch.setenv("COLUMNS", "80")
    assert request in operator("approvals", "list", "--limit", "0").out


def test_a_request_is_modified_by_a_file(operator: Operator) -> None:
    """An action that is not valid is refused by its fields."""
    task = operator.shop.submit("order", big_order())["id"]
    request = operator.shop.request_of(task)
    file = operator.folder / "action.json"
    file.write_text(json.dumps(request["action"] | {"data": request["action"]["data"] | {"amount": "-1"}}))
    line = ("approvals", "decide", request["id"], "modify", "--action", str(file))
    refused = operator(*line)
    assert refused.code == 65
    assert "  modified_action.data.amount: " in refused.err
    file.write_text("{")
    assert operator(*line).code == 64
    file.write_text(json.dumps(request["action"] | {"data": request["action"]["data"] | {"amount": "4000.00"}}))
    assert operator(*line).code == 0
    assert operator.shop.task(task)["data"]["amount"] == "4000.00"


def test_a_reader_may_look_and_is_told_why_not_more(operator: Operator) -> None:
    request = operator.shop.request_of(operator.shop.submit("order", big_order())["id"])["id"]
    operator.sign_in(READER)
    assert operator("approvals", "show", request).code == 0
    said = operator("approvals", "decide", request, "approve")
    assert said.code == 77
    assert "lacks the permission hitl.decide" in said.err
    for line in ("status", "queues list", "queues peek auto_seo", "audit verify", "events tail", "topology"):
        assert operator(*line.split()).code == 77


# --- dead letters -------------------------------------------------------------------------------------


def poison(shop: Platform, *names: str, tenant: str = "demo") -> list[str]:
    """Put messages on a queue that nobody can handle; the ids of the dead letters, when all are dead."""
    sent = []
    for name in names:
        event = ApprovalWork(task_id=name, step=0)
        message = derive_id("poison", name)
        envelope = Envelope(message, "/test", event, utc_now(), extensions={"tenantid": tenant})
        sent.append((QUEUE, Message(id=message, body=envelope.encode(), key=tenant)))
    with shop.bus() as bus:
        bus.send(sent)
    wanted = [message.id for _, message in sent]
    found = wait_for(lambda: (now := dead(shop)).keys() >= set(wanted) and now, "the messages to die")
    return [found[one] for one in wanted]


def dead(shop: Platform) -> dict[str, str]:
    """The dead letter of each message that died in the queue, looked at past the platform."""
    with shop.bus() as bus:
        return {letter.message.id: letter.id for letter in bus.dead_letters(QUEUE, 1000).items}


def notes(shop: Platform, name: str, user: str = ADMIN) -> list[tuple[str, str, str]]:
    """What was done to a message, why and by whom, in order, as its tenant's record has it."""
    shop.quiet()
    items = shop.get("/audit?limit=200", user)["items"][::-1]
    facts = [item["data"] for item in items if item["type"].endswith(".AuditNoted.v1")]
    target = derive_id("poison", name)
    return [(fact["action"], fact["why"], fact["actor"]) for fact in facts if fact["target"] == target]


def test_a_dead_letter_is_looked_at_replayed_and_discarded_and_each_act_is_on_record(operator: Operator) -> None:
    """Replayed, a message that cannot be handled dies again; discarded, it is gone."""
    (letter,) = poison(operator.shop, "one")
    (shown,) = (one for one in operator("queues", "peek", QUEUE, "--json").json["items"] if one["id"] == letter)
    assert (shown["reason"], shown["attempts"], shown["event"]) == ("404: no task has the id 'one'", 1, None)
    assert operator("queues", "peek", QUEUE, "--whole", "--json").json["items"][0]["event"]["data"]
    assert "404: no task has the id 'one'" in operator("queues", "peek", QUEUE).out
    listed = {one["name"]: one for one in operator("queues", "list", "--json").json["items"]}
    assert listed[QUEUE]["dead"] >= 1
    replayed = operator("queues", "replay", QUEUE, letter, "--why", "it may be there now", "--json")
    assert (replayed.code, replayed.json["done"], replayed.json["items"][0]["outcome"]) == (0, 1, "done")
    message = derive_id("poison", "one")
    second = wait_for(lambda: dead(operator.shop).get(message), "it to die again")
    assert second != letter
    assert operator("queues", "discard", QUEUE, letter, "--yes", "--why", "x").code == 66  # that one is gone
    gone = operator("queues", "discard", QUEUE, second, "--yes", "--why", "it was a test")
    assert (gone.code, gone.out) == (0, "1 done, 0 not found, 0 not done\n")
    assert message not in dead(operator.shop)
    me = operator.shop.get("/auth/me")["user"]["id"]
    assert notes(operator.shop, "one") == [
        ("dead letter replay", "it may be there now", me),
        ("dead letter discard", "it was a test", me),
    ]


def test_discard_asks_and_without_a_yes_nothing_is_done(operator: Operator) -> None:
    """Where nobody can be asked it wants --yes (64); a no is 1; a yes at the terminal is enough."""
    (letter,) = poison(operator.shop, "asked")
    line = ("queues", "discard", QUEUE, letter, "--why", "a test")
    assert (operator(*line).code, "say --yes" in operator(*line).err) == (64, True)
    for answer in ("n\n", "\n", ""):
        assert operator(*line, stdin=answer, typed=True).code == 1
    assert letter in dead(operator.shop).values()
    assert notes(operator.shop, "asked") == []
    said = operator(*line, stdin="y\n", typed=True)
    assert said.code == 0
    assert f"Discard 1 dead letter of {QUEUE} for good? [y/N]" in said.err
    assert letter not in dead(operator.shop).values()


def test_letters_are_chosen_by_a_filter_and_go_at_the_rate(operator: Operator) -> None:
    """Those whose reason has the text, and no other; eight at ten a second take as long as that."""
    poison(operator.shop, *(f"slow-{number}" for number in range(8)), "other-one")
    began = time.monotonic()
    said = operator("queues", "replay", QUEUE, "--reason", "'slow-", "--rate", "10", "--why", "again", "--json")
    assert time.monotonic() - began >= 0.6  # eight go in batches of two: the last begins 0.6 s after the first
    assert (said.code, said.json["done"]) == (0, 8)
    assert notes(operator.shop, "other-one") == []
    assert len(notes(operator.shop, "slow-7")) == 1
    wait_for(lambda: len(dead(operator.shop)) >= 9, "them to die again")
    everything = operator("queues", "discard", QUEUE, "--all", "--yes", "--why", "clean up", "--json")
    assert everything.json["done"] >= 9
    assert operator("queues", "peek", QUEUE, "--json").json == {"items": [], "next_cursor": None}
    assert operator("queues", "replay", QUEUE, "--all", "--why", "x", "--json").json["items"] == []
    assert operator("queues", "peek", QUEUE, "--older-than", "1h", "--type", "ApprovalWork").code == 0


def test_a_tenant_sees_and_touches_its_own_only_and_a_super_admin_all(operator: Operator) -> None:
    """A foreign letter is not found (66). Who runs the platform may act, and it stands on the tenant's record."""
    (letter,) = poison(operator.shop, "theirs", tenant="other")
    assert letter not in [one["id"] for one in operator("queues", "peek", QUEUE, "--json").json["items"]]
    for verb in ("replay", "discard"):
        said = operator("queues", verb, QUEUE, letter, "--why", "x", *(["--yes"] if verb == "discard" else []))
        assert (said.code, said.out.splitlines()[-1]) == (66, "0 done, 1 not found, 0 not done")
    assert letter in dead(operator.shop).values()
    operator.sign_in(SUPER)
    shown = operator("queues", "peek", QUEUE, "--json").json["items"]
    assert [one["tenant"] for one in shown if one["id"] == letter] == ["other"]
    assert operator("queues", "discard", QUEUE, letter, "--yes", "--why", "agreed with them").code == 0
    who = operator.shop.get("/auth/me", SUPER)["user"]["id"]
    assert notes(operator.shop, "theirs", OTHER) == [("dead letter discard", "agreed with them", who)]
    assert "under way" in operator("queues", "list").out


def test_what_is_gone_is_on_record_though_the_function_is_killed_again_and_again(own: Operator) -> None:
    """kill -9 in the middle of discarding 200 letters, until they are gone: each of them has its note, with the reason
    and who gave it. The command ends with 75 each time, and is repeated."""
    names = [f"killed-{number}" for number in range(200)]
    poison(own.shop, *names)
    kills = 0
    line = ("queues", "discard", QUEUE, "--all", "--yes", "--why", "a test", "--rate", "150")
    with ThreadPoolExecutor(1) as pool:
        while dead(own.shop):
            run = pool.submit(own, *line)
            while not run.done():
                if kills < 8 and (pid := own.shop.pid_of("queues-discard")):
                    with suppress(ProcessLookupError):  # it has just ended by itself
                        os.kill(pid, signal.SIGKILL)
                        kills += 1
                time.sleep(random.uniform(0.01, 0.15))  # the moment is what is tried
            assert run.result().code in (0, 75)
    assert kills >= 3
    own.shop.quiet()
    rows = own.shop.rows("audit", "SELECT data FROM record WHERE tenant = 'demo' AND type LIKE '%.AuditNoted.v1'")
    facts = [json.loads(data) for (data,) in rows]
    noted = {fact["target"] for fact in facts if (fact["action"], fact["why"]) == ("dead letter discard", "a test")}
    assert noted >= {derive_id("poison", name) for name in names}


def test_a_topic_in_which_a_fact_died_is_shown_beside_the_queues(operator: Operator) -> None:
    """Else nobody would look there. What cannot be read is seen by who runs the platform only."""
    with operator.shop.bus() as bus:
        bus.send([], [("analytics.metrics", Message("no-fact", b"no fact", key="demo"))])
    operator.sign_in(SUPER)

    def shown() -> Any:
        return [line for line in operator("queues", "list").out.splitlines() if "analytics.metrics" in line]

    assert wait_for(shown, "the topic to be shown")[0].split() == ["analytics.metrics", "1"]
    assert operator("queues", "discard", "analytics.metrics", "--all", "--yes", "--why", "a test").code == 0
    operator.sign_in(ADMIN)
    assert operator("queues", "peek", "analytics.metrics", "--json").json["items"] == []


def test_an_unknown_queue_is_65_and_named(operator: Operator) -> None:
    said = operator("queues", "peek", "auto_nothing")
    assert (said.code, "origin: 'auto_nothing' is not in the topology" in said.err) == (65, True)


# --- the record ---------------------------------------------------------------------------------------


def test_the_facts_are_shown_as_they_come(operator: Operator) -> None:
    """The newest in order, as the record has them, by type too; another tenant's are for a SUPER_ADMIN."""
    task = operator.shop.submit("order", big_order())["id"]
    operator.shop.quiet()
    facts = operator("events", "tail", "-n", "50", "--json").lines
    assert [fact["position"] for fact in facts] == sorted(fact["position"] for fact in facts)
    newest = operator.shop.get("/audit?limit=50")["items"]
    assert [fact["event_id"] for fact in facts] == [item["event_id"] for item in newest[::-1]]
    only = operator("events", "tail", "-n", "200", "--type", "TaskSubmitted", "--json").lines
    assert only[-1]["task_id"] == task
    assert {fact["type"] for fact in only} == {"bizosaas.orchestration.TaskSubmitted.v1"}
    assert task in operator("events", "tail").out
    assert operator("events", "tail", "--tenant", "other").code == 66
    operator.sign_in(SUPER)
    assert operator("events", "tail", "--tenant", "other").code == 0


def test_followed_facts_come_by_themselves_until_ctrl_c(operator: Operator) -> None:
    """Exit code 130, no traceback."""
    command = [sys.executable, "-u", "-m", "scripts.command", "events", "tail", "-n", "1", "-f", "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()  # it is following now
        task = operator.shop.submit("order", big_order())["id"]
        while json.loads(process.stdout.readline())["task_id"] != task:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == ""


def test_a_sound_record_is_said_to_be_sound_while_facts_come_in(operator: Operator) -> None:
    operator.shop.submit("order", order())
    told = operator("audit", "verify", "--json")
    assert (told.code, told.json["sound"]) == (0, True)
    assert [one["tenant"] for one in told.json["items"]] == ["demo"]
    operator.shop.quiet()
    facts = operator.shop.rows("audit", "SELECT count(*) FROM record WHERE tenant = 'demo'")[0][0]
    assert operator("audit", "verify").out == f"demo: {facts} facts, the chain is sound\n"
    assert operator("audit", "verify", "--tenant", "other").code == 66
    operator.sign_in(SUPER)
    everybody = {tenant for (tenant,) in operator.shop.rows("audit", "SELECT DISTINCT tenant FROM record")}
    assert {one["tenant"] for one in operator("audit", "verify", "--json").json["items"]} == everybody


@pytest.fixture
def own(
    platform: MakePlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    """An operator of a platform that may be broken."""
    return Operator(platform().start(), tmp_path, monkeypatch, capsys).sign_in(ADMIN)


def test_a_changed_record_is_1_and_the_row_is_named(own: Operator) -> None:
    own.shop.quiet()
    with closing(sqlite3.connect(own.shop.home / "audit.db", timeout=10)) as connection, connection:
        connection.execute("UPDATE record SET actor = 'nobody' WHERE tenant = 'demo' AND position = 1")
    said = own("audit", "verify", "--json")
    assert (said.code, said.json["sound"]) == (1, False)
    (fault,) = said.json["items"][0]["faults"]
    assert re.fullmatch(r"demo: row 1 \(.*\) was changed", fault)
    assert own("audit", "verify").out == fault + "\n"


def test_a_platform_that_ends_while_it_is_watched_is_69(own: Operator) -> None:
    task = own.shop.submit("order", big_order())["id"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "scripts.command", "tasks", "watch", task],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "TaskSubmitted" in process.stdout.readline()
        own.shop.kill()
        assert process.wait(60) in (69, 75)  # 75: an answer of the door that was closing
        assert "Traceback" not in process.stderr.read()


# --- a terminal ---------------------------------------------------------------------------------------


def at_a_terminal(command: list[str], *, output: int | None = None) -> tuple[bytes, bytes]:
    """Run a command whose error stream, and output unless it is `output`, are a pseudo terminal: (what the terminal
    showed, what came out of the pipe)."""
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, env=variables | {"TERM": "xterm-256color"}, stdout=output or theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        piped = process.stdout.read() if process.stdout is not None else b""
        assert process.wait(30) == 0
    return shown, piped


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_colours_are_for_a_terminal(operator: Operator) -> None:
    """On a pseudo terminal a sound chain is green; in a pipe there is no escape sequence at all."""
    command = [sys.executable, "-m", "scripts.command", "audit", "verify"]
    assert b"\x1b[32m" in at_a_terminal(command)[0]
    variables = dict(os.environ) | {"TERM": "xterm-256color"}
    piped = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=True, timeout=60)
    assert b"\x1b" not in piped.stdout + piped.stderr


def test_a_bar_is_for_the_terminal_and_the_answers_are_for_the_file(operator: Operator) -> None:
    """`... --json > answers` at a terminal: the bar is seen, and the file has each answer, and nothing else."""
    file = operator.folder / "orders.jsonl"
    file.write_text("\n".join(json.dumps(order()) for _ in range(3)))
    command = [sys.executable, "-m", "scripts.command", "tasks", "submit", "order", "--file", str(file), "--json"]
    shown, piped = at_a_terminal(command, output=subprocess.PIPE)
    assert b"submitting" in shown
    assert [json.loads(line)["line"] for line in piped.splitlines()] == [1, 2, 3]
