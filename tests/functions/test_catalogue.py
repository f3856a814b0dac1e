"""The catalogue is whole and true, and what is generated from it is fresh."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from functions import generate
from functions.catalogue import by_name, functions
from host.ingress import read_ingress
from host.stack import read_stack
from host.subscriptions import subscriptions
from shared.bus.kafka.group import ENOUGH

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalogue_has_no_problem_and_the_generated_files_are_fresh() -> None:
    assert generate.problems(functions()) == []
    for path, text in generate.files(functions()).items():
        assert (ROOT / path).read_text() == text, f"{path} is stale: run scripts/generate"


def test_all_problems_of_a_catalogue_are_reported_together() -> None:
    good = by_name()["tasks-get"]
    bad = [
        replace(good, name="tasks-fetch"),
        replace(good, permission=""),
        replace(good, permission="tasks.everything"),
        replace(good, queues=("auto_nothing",), topics=("domain.nothing",)),
        replace(good, module="tasks.nothing", name="tasks-nothing", route="GET /nothing"),
    ]
    found = "\n".join(generate.problems((*bad, good)))
    for words in (
        "tasks-fetch: the name is derived: it must be tasks-get",
        "tasks-get: stands twice",
        "GET /tasks/{task_id}: is answered twice",
        "tasks-get: has no permission of the catalogue (none): it must not deploy",
        "tasks-get: has no permission of the catalogue (tasks.everything)",
        "there is no queue auto_nothing",
        "there is no topic domain.nothing",
        "there is no module functions/tasks/nothing.py",
    ):
        assert words in found


def test_every_call_of_the_specification_has_a_function() -> None:
    wanted = """POST /tasks|GET /tasks/{task_id}|GET /tasks|GET /tasks/{task_id}/events|POST /tasks/classify
    |GET /hitl/pending|POST /hitl/decision|GET /hitl/metrics|GET /hitl/dashboard|POST /events|GET /agents
    |GET /agents/{role}|GET /audit|POST /auth/login|POST /auth/refresh|POST /auth/logout|GET /auth/me
    |GET /.well-known/jwks.json"""
    routes = {spec.route for spec in functions()}
    assert {call.strip() for call in wanted.split("|")} <= routes


def test_only_signing_in_and_the_keys_are_public() -> None:
    public = {spec.name for spec in functions() if spec.permission == "public"}
    assert public == {"identity-login", "identity-refresh", "identity-jwks"}


def test_every_auto_queue_has_exactly_one_doer_and_every_queue_has_one() -> None:
    from events.topology import QUEUES

    readers: dict[str, list[str]] = {queue: [] for queue in QUEUES}
    for spec in functions():
        for queue in spec.queues:
            readers[queue].append(spec.name)
    assert all(len(names) == 1 for names in readers.values()), readers


def test_the_record_reads_every_topic() -> None:
    from events.topology import TOPICS

    assert set(by_name()["audit-record"].topics) == set(TOPICS)


def test_the_host_reads_what_is_generated() -> None:
    stack = read_stack(ROOT / "stack.yml", {})
    assert set(stack) == set(by_name())
    assert {route.function for route in read_ingress(ROOT / "functions/ingress.json").routes} <= set(stack)
    read = {s.function: s for s in subscriptions((f.name, f.annotations, 1, f.timeout) for f in stack.values())}
    for spec in functions():
        if spec.queues or spec.topics or spec.every:
            assert read[spec.name].queues == spec.queues
            assert read[spec.name].topics == spec.topics
            assert read[spec.name].every == spec.every


def test_labels_are_what_kubernetes_takes() -> None:
    for function in read_stack(ROOT / "stack.yml", {}).values():
        for value in function.labels.values():
            assert re.fullmatch(r"[A-Za-z0-9_.-]{0,63}", value)


def test_the_openapi_document_names_every_operation_once() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert sorted(names) == sorted(spec.name for spec in functions() if spec.route)


def test_importing_the_catalogue_imports_no_handler_and_nothing_heavy() -> None:
    code = "import functions.catalogue, sys; functions.catalogue.functions(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    for name in ("crewai", "fastapi", "kafka", "pika", "redis", "sqlalchemy", "functions.tasks.create"):
        assert name not in loaded


def test_kafkas_reader_holds_ready_whole_batches() -> None:
    """Else a backlog would come in parts of batches, each followed by a wait for more."""
    assert max(spec.batch for spec in functions()) <= ENOUGH
