"""The client's classes for answers are there before two threads could make one twice."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts.trial.engines import ROOT

_LACKING = """
from kafka.protocol.api_header import ResponseClassRegistry
answers = [answer[None] for answer in ResponseClassRegistry._response_class_registry.values()]
assert len(answers) > 20, answers
print([a.__name__ for a in answers if set(a._VERSIONS) != set(range(a.max_version + 1))])
"""


@pytest.mark.parametrize(
    "before",
    [
        "from shared.bus.kafka.answers import make_classes; make_classes(); make_classes()",
        "from shared.bus import load_libraries; load_libraries('amqp://h/v\\nkafka://h:1')",
        "from shared.bus.kafka.connect import opened; opened(lambda **_: None)",
    ],
    ids=["asked for", "in a zygote", "with the first client"],
)
def test_every_version_of_every_answer_is_made(before: str) -> None:
    """One made in two threads at once leaves a process that understands no answer of its kind any more."""
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\n{_LACKING}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_without_it_they_are_made_when_first_needed() -> None:
    """Why this is here; when it fails, kafka-python does so itself, and the module may go."""
    before = "import kafka.producer"
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\n{_LACKING}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "ProduceResponse" in done.stdout
