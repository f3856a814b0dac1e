"""`scripts/up`: how the platform begins, ends and goes on."""

from __future__ import annotations

import re
import signal
import stat
import subprocess

import pytest

from tests.flows.conftest import MakePlatform
from tests.flows.platform import PASSWORD, ROOT, Platform, free_port, wait_for

pytestmark = pytest.mark.flow


def test_the_second_in_one_home_refuses_and_names_the_first(shop: Platform) -> None:
    """Two platforms on the same databases would be two owners: the second one says whom to stop, and touches
    nothing."""
    second = Platform(shop.home)
    said = subprocess.run(
        second.command(), cwd=ROOT, env=second.variables(), capture_output=True, text=True, timeout=60
    )
    second.client.close()
    assert said.returncode == 65
    assert shop.process is not None
    assert f"the process {shop.process.pid} runs in {shop.home}" in said.stderr
    assert shop.call("GET", "/auth/me").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_ends_in_order_and_leaves_no_process(platform: MakePlatform, number: int) -> None:
    """Ctrl-C, and what a service manager sends: exit code 0, what was under way is answered, nobody stays behind."""
    one = platform().start()
    assert one.call("GET", "/auth/me").status_code == 200
    assert len(one.processes()) >= 4  # the host, its zygote, its cache, the functions that answered
    assert one.stop(number) == 0
    assert one.processes() == []
    assert one.lines[-1]["text"] == "stopped"
    assert not [line for line in one.lines if line["tone"] == "bad"]


def test_a_killed_host_takes_its_processes_with_it(platform: MakePlatform) -> None:
    """After kill -9 nothing keeps the databases busy: the functions notice that their host is gone and end."""
    one = platform().start()
    one.call("GET", "/auth/me")
    one.kill()
    wait_for(lambda: one.processes() == [], "the host's processes to end by themselves")


def test_a_second_start_goes_on_with_what_the_first_kept(platform: MakePlatform) -> None:
    """Users, keys, sessions and the record are those of the first start: its tokens still work."""
    one = platform().start()
    token, before = one.token(), one.get("/auth/me")
    one.quiet()
    record = one.rows("audit", "SELECT tenant, position, hash FROM record")
    one.stop()
    one.start()
    assert one.token() == token
    assert one.get("/auth/me") == before
    assert one.rows("audit", "SELECT tenant, position, hash FROM record") == record != []


def test_the_password_is_random_and_for_the_owner_only(platform: MakePlatform) -> None:
    """Without BIZOSAAS_DEMO_PASSWORD it is drawn at the first start, kept with mode 0600, and works."""
    one = platform(BIZOSAAS_DEMO_PASSWORD="").start()
    path = one.home / "demo-password"
    password = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(one.home.stat().st_mode) == 0o700
    assert len(password) >= 12
    assert password != PASSWORD
    answer = one.call("POST", "/auth/login", None, json={"email": "user@demo.example", "password": password})
    assert answer.json()["role"] == "USER"
    one.stop()
    one.start()
    assert path.read_text().strip() == password


def test_a_password_that_breaks_a_rule_is_refused_and_not_kept(platform: MakePlatform) -> None:
    """The variable is named, and the next start, with a good one, goes on."""
    one = platform(BIZOSAAS_DEMO_PASSWORD="short")
    said = subprocess.run(one.command(), cwd=ROOT, env=one.variables(), capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout) == (65, "")
    assert said.stderr == "The input is not valid: BIZOSAAS_DEMO_PASSWORD: must have 8 to 1024 characters\n"
    assert not (one.home / "demo-password").exists()
    one.environment["BIZOSAAS_DEMO_PASSWORD"] = PASSWORD
    assert one.start().call("GET", "/auth/me").status_code == 200


def test_in_a_folder_that_is_open_to_all_what_is_kept_is_the_owners_alone(platform: MakePlatform) -> None:
    """The databases hold customers, hashes of passwords and sessions."""
    one = platform()
    one.home.mkdir(mode=0o755)
    one.start().call("GET", "/auth/me")
    kept = {path.name: stat.S_IMODE(path.stat().st_mode) for path in one.home.iterdir()}
    assert {"identity.db", "orchestration.db", "audit.db", "bus.db", "demo-password"} <= kept.keys()
    assert not {name: oct(mode) for name, mode in kept.items() if mode & 0o077}


def test_a_port_that_is_none_is_refused(platform: MakePlatform) -> None:
    """The kernel would take the rest of a division, and nobody would find the platform there."""
    one = platform()
    one.port = 99_999
    said = subprocess.run(one.command(), cwd=ROOT, env=one.variables(), capture_output=True, text=True, timeout=60)
    assert said.returncode == 2
    assert "--port: must be 0 to 65535, not '99999'" in said.stderr


def test_every_line_for_machines_is_json(shop: Platform) -> None:
    """`--json-logs` writes one object a line (the reader of the harness fails on anything else), beginning with
    where to look, and tells what happened."""
    shop.call("POST", "/auth/login", None, json={"email": "reader@demo.example", "password": PASSWORD})
    shop.quiet()
    ready = shop.has_line("ready")
    assert ready is not None
    assert ready["port"] == shop.port
    wait_for(lambda: any(line.get("topic") == "domain.identity" for line in shop.lines), "the login to be told")
    assert all({"time", "tone", "text"} <= line.keys() for line in shop.lines)


def test_people_get_lines_that_they_can_read(platform: MakePlatform) -> None:
    """Without `--json-logs`: who can sign in and how, then a line with its time for each thing that happens."""
    one = platform()
    process = subprocess.Popen(
        [*one.command(), "--stack", str(one.stack)], cwd=ROOT, env=one.variables(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        with process.stdout as said:
            head = "".join(iter(said.readline, "    stop      Ctrl-C\n"))
            assert f"is ready on http://127.0.0.1:{one.port}" in head
            assert "admin@demo.example" in head
            assert f"scripts/demo --port {one.port}" in head
            assert PASSWORD not in head
            one.call("POST", "/auth/login", None, json={"email": "user@demo.example", "password": PASSWORD})
            line = next(line for line in said if "UserLoggedIn" in line)
            assert re.match(r"\d\d:\d\d:\d\d  demo  UserLoggedIn", line)
            process.send_signal(signal.SIGINT)
            assert "stopped" in said.read()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_taken_port_is_said_in_words(platform: MakePlatform, shop: Platform) -> None:
    """It ends with a sentence, not with a stack of calls, and lets the home go."""
    one = platform()
    one.port = shop.port
    said = subprocess.run(one.command(), cwd=ROOT, env=one.variables(), capture_output=True, text=True, timeout=60)
    assert said.returncode == 71
    assert "address already in use; --port takes another one" in said.stderr
    assert "Traceback" not in said.stderr
    one.port = free_port()
    again = Platform(one.home, one.stack)
    again.start()
    again.close()


@pytest.mark.parametrize("context", ["orchestration", "audit"])
def test_a_start_without_its_database_names_it_and_the_cause(platform: MakePlatform, context: str) -> None:
    """And not the password that stands in its address."""
    variable = f"BIZOSAAS_{context.upper()}_DATABASE_URL"
    port = free_port()
    one = platform(**{variable: f"postgresql+psycopg://user:not-for-logs@127.0.0.1:{port}/state"})
    said = subprocess.run(one.command(), cwd=ROOT, env=one.variables(), capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout) == (75, "")
    assert said.stderr.splitlines()[-1] == (
        f"Try again later: the database of {context} cannot be used: connection failed: connection to server at "
        f'"127.0.0.1", port {port} failed: Connection refused ({variable})'
    )
    assert "Traceback" not in said.stderr
    assert "not-for-logs" not in said.stderr
