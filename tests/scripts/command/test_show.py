"""What is shown is what was meant, and steers no terminal."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.command import show
from scripts.command.app import main
from scripts.command.failure import CODES, Failure
from scripts.command.options import seconds_of

ROOT = Path(__file__).resolve().parents[3]


@given(st.text())
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    """A reason or a name from outside could else clear the screen or rename the window."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", show.clean(text))


def test_markup_in_a_value_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show.table(("a",), [("[red]x[/red] \x1b[2J",)])
    assert "[red]x[/red] �[2J" in capsys.readouterr().out


def test_without_a_terminal_a_row_is_one_line_and_has_no_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    show.table(("a", "b"), [("x" * 100, "y" * 100)])
    show.say("done", "green")
    out = capsys.readouterr().out
    assert "x" * 100 + "  " + "y" * 100 in re.sub(" {2,}", "  ", out)
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.9, "59s"), (90, "1m 30s"), (3600, "1h 0m"), (90_000, "1d 1h")]
)
def test_a_span_is_said_as_a_person_does(seconds: float, text: str) -> None:
    assert show.span(seconds) == text


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259200)])
def test_a_time_is_read_as_a_person_says_it(text: str, seconds: int) -> None:
    assert seconds_of(text, "--timeout") == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1w", "1.5h", "1h30m"])
def test_a_time_that_is_none_is_refused_by_the_option_s_name(text: str) -> None:
    with pytest.raises(Failure, match="--timeout"):
        seconds_of(text, "--timeout")


def test_a_failure_names_each_field_and_rule_once_and_the_cure(capsys: pytest.CaptureFixture[str]) -> None:
    problems = (("ids", "too many"), ("why", "too short"))
    failure = Failure(65, "Not valid", "ids: too many; why: too short", "put it right", problems, 422)
    show.complain(failure, as_json=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["Not valid", "  ids: too many", "  why: too short", "put it right"]


# --- the command line as such -------------------------------------------------------------------------


def test_help_and_the_operations_page_tell_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    helped = capsys.readouterr().out
    page = (ROOT / "docs/operations/command.md").read_text()
    for code, meaning in CODES.items():
        assert re.search(rf"^ +{code}  {re.escape(meaning)}$", helped, re.M)
        assert f"| {code} | {meaning} |" in page
    assert len(re.findall(r"^\| \d+ \|", page, re.M)) == len(CODES)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nothing", "No such command 'nothing'"),
        ("status --no", "No such option"),
        ("status more", "unexpected extra argument"),
        ("tasks show", "Missing argument 'TASK'"),
        ("approvals decide x maybe", "maybe"),
        ("approvals decide x modify", "modify needs --action FILE"),
        ("approvals decide x approve --action f", "nothing else takes it"),
        ("approvals decide x modify --action /none", "cannot read /none"),
        ("tasks submit order", "--data"),
        ("tasks submit order --data {", "--data: not JSON"),
        ("tasks submit order --data []", "--data: must be a JSON object"),
        ("tasks submit order --file /none", "cannot read /none"),
        ("tasks submit order --file f --watch", "cannot be watched"),
        ("tasks watch x --timeout soon", "--timeout: 'soon' is no time"),
        ("queues replay q 1", "say --why"),
        ("queues replay q --why x", "say --all"),
        ("queues discard q 1 --all --why x", "say --all"),
        ("queues peek q --older-than old", "--older-than: 'old' is no time"),
        ("login a@b", "there is no password"),
        ("login a@b --password-file /none", "cannot read /none"),
        ("status --url nowhere", "http://host:port"),
    ],
)
def test_a_wrong_command_line_is_64_and_says_what_is_wrong(
    line: str, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In words, and as JSON where JSON was asked for; nothing is sent."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("BIZOSAAS_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(line.split()) == 64
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
    assert main([*line.split(), "--json"]) == 64
    assert '"exit_code": 64' in capsys.readouterr().err


@pytest.mark.parametrize("group", [[], ["tasks"], ["approvals"], ["queues"], ["audit"], ["events"]])
def test_a_group_without_a_verb_shows_its_help(group: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(group) == 64
    assert capsys.readouterr().err.startswith(f"Usage: {' '.join(['bizosaas', *group])}")


@pytest.mark.parametrize("buffered", [["-u"], []])
def test_who_stops_reading_ends_it_quietly(buffered: list[str]) -> None:
    """`bizosaas --help | head -1`: no traceback, and the exit code of a closed pipe."""
    command = [sys.executable, *buffered, "-c", "import sys; from scripts.command.app import main;"
               "sys.stdin.readline(); sys.exit(main(['--help']))"]  # fmt: skip
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        said = process.stderr.read()
        assert process.wait(30) == 141
    assert said == b""
