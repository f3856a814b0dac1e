"""stack.yml: what faas-cli reads, read as it does, and what it lets pass in silence, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from host import units
from host.stack import Function, parse_stack, read_stack, substitute
from shared.errors import Invalid

HEAD = "version: 1.0\nprovider:\n  name: openfaas\nfunctions:\n"
FULL = (
    HEAD
    + """
  tasks-get:
    image: registry.example/bizosaas/light:${TAG:-1.2}
    skip_build: true
    labels:
      com.openfaas.scale.min: "1"
      com.openfaas.scale.max: "3"
      com.openfaas.scale.zero: "true"
      com.openfaas.scale.zero-duration: 1m30s
      com.openfaas.scale.target: "8"
      com.openfaas.scale.type: capacity
    annotations:
      concurrency: "10"
      queue-limit: "5"
      timeout: 500ms
      kind: event
      public: "true"
      permission: tasks.read
    environment:
      RETRIES: 3
      STRICT: true
      PRICE: in $$ or €
    limits:
      memory: 256Mi
    secrets: [db-password]
"""
)


def problems(text: str, folder: Path = Path()) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse_stack(text, {}, folder)
    return {one.field: one.rule for one in caught.value.problems}


def one(body: str) -> Function:
    return parse_stack(HEAD + f"  one:\n    image: a/light:1\n{body}", {}, Path())["one"]


def test_every_setting_is_read_in_its_unit() -> None:
    found = parse_stack(FULL, {}, Path())["tasks-get"]
    assert (found.image, found.memory, found.secrets) == ("light", 256 * 1024 * 1024, ("db-password",))
    assert (found.concurrency, found.queue_limit, found.timeout) == (10, 5, 0.5)
    assert (found.minimum, found.maximum, found.floor, found.target, found.idle) == (1, 3, 0, 8, 90.0)
    assert (found.kind, found.public) == ("event", True)
    assert found.annotations["permission"] == "tasks.read"


def test_scalars_of_text_maps_stay_as_written() -> None:
    """Go decodes `RETRIES: 3` of a map[string]string to "3" and `STRICT: true` to "true"."""
    found = parse_stack(FULL, {}, Path())["tasks-get"]
    assert found.environment == {"RETRIES": "3", "STRICT": "true", "PRICE": "in $ or €"}


def test_a_function_that_may_not_sleep_keeps_its_minimum() -> None:
    found = one('    labels: {com.openfaas.scale.zero: "false", com.openfaas.scale.min: "2"}\n')
    assert (found.floor, found.minimum) == (2, 2)


def test_the_target_is_at_most_the_concurrency() -> None:
    """More calls than fit into one process would never start a second."""
    assert one('    labels: {com.openfaas.scale.target: "99"}\n').target == one("").concurrency


@pytest.mark.parametrize(
    ("text", "environment", "filled"),
    [
        ("a ${X} b", {"X": "1"}, "a 1 b"),
        ("a ${X} b", {}, "a  b"),
        ("${X:-d}", {}, "d"),
        ("${X:-d}", {"X": ""}, "d"),
        ("${X:-d}", {"X": "e"}, "e"),
        ("${X:-}", {}, ""),
        ("$$X and $X and $", {"X": "1"}, "$X and $X and $"),
        ("$${X}", {"X": "1"}, "${X}"),
    ],
)
def test_variables_are_filled_in_as_faas_cli_does(text: str, environment: dict[str, str], filled: str) -> None:
    """FACTS, "stack.yml": seen by running faas-cli 0.18."""
    assert substitute(text, environment) == filled


@pytest.mark.parametrize("form", ["${X-d}", "${X:=d}", "${}", "${1}", "${X:-${Y}}", "${X/a/b}"])
def test_other_forms_of_variables_are_refused_by_their_line(form: str) -> None:
    with pytest.raises(Invalid) as caught:
        substitute(f"first\n{form}\n", {})
    assert caught.value.problems[0].field == "line 2"


def test_all_problems_are_told_together() -> None:
    text = """version: 2.0
provider: {name: docker, url: x}
colour: red
functions:
  Bad_Name: {image: a/light:1}
  two:
    image: ""
    enviroment: {A: b}
    labels: {com.openfaas.scale.mx: "3", com.openfaas.scale.min: "9", com.openfaas.scale.max: "2", note: a b}
    annotations: {concurrency: "0", timeout: soon, public: "yes", kind: topic}
    limits: {memory: lots}
    environment: {A: {b: c}}
    secrets: one
"""
    found = problems(text)
    assert set(found) == {
        "version",
        "provider.name",
        "provider.url",
        "colour",
        "functions.Bad_Name",
        "functions.two.image",
        "functions.two.enviroment",
        "functions.two.labels.com.openfaas.scale.mx",
        "functions.two.labels.com.openfaas.scale.min",
        "functions.two.labels.note",
        "functions.two.annotations.concurrency",
        "functions.two.annotations.timeout",
        "functions.two.annotations.public",
        "functions.two.annotations.kind",
        "functions.two.limits.memory",
        "functions.two.environment.A",
        "functions.two.secrets",
    }
    assert found["functions.two.annotations.timeout"] == "must be a duration such as 30s, 15m or 1h30m"


@pytest.mark.parametrize("text", ["{", "- a\n- b", "version: 1.0\nversion: 1.0"])
def test_what_is_no_stack_is_refused(text: str) -> None:
    assert problems(text)


def test_environment_files_override_the_inline_variables_in_order(tmp_path: Path) -> None:
    """FACTS, "stack.yml": seen by running faas-cli 0.18."""
    (tmp_path / "a.yml").write_text("environment: {A: file, B: file}\n")
    (tmp_path / "b.yml").write_text("environment: {B: second}\n")
    text = HEAD + "  one: {image: a/light:1, environment: {A: inline, C: inline}, environment_file: [a.yml, b.yml]}\n"
    (tmp_path / "stack.yml").write_text(text)
    assert read_stack(tmp_path / "stack.yml", {})["one"].environment == {
        "A": "file",
        "B": "second",
        "C": "inline",
    }


def test_a_missing_environment_file_is_a_problem(tmp_path: Path) -> None:
    text = HEAD + "  one: {image: a/light:1, environment_file: [none.yml]}\n"
    assert set(problems(text, tmp_path)) == {"functions.one.environment_file.none.yml"}


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("1.5s", 1.5), ("250ms", 0.25), ("0s", 0)])
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert units.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 s", "-1s", "1d", "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        units.seconds(text)


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("1k", 1000), ("1Ki", 1024), ("2Gi", 2147483648), ("3M", 3000000)]
)
def test_sizes_are_those_of_kubernetes(text: str, size: int) -> None:
    assert units.size(text) == size


@pytest.mark.parametrize("text", ["", "1KB", "Mi", "1.5Gi", "-1Mi"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        units.size(text)
