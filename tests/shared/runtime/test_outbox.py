"""What was sent is noted soon, and for certain before a process ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.runtime import outbox
from shared.store.database import Unit


def test_who_ends_waits_for_a_note_that_is_under_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its connection would come back to a pool that is closed."""
    begun, go_on, noted = threading.Event(), threading.Event(), list[Sequence[str]]()

    def slowly(_unit: Unit, ids: Sequence[str]) -> None:
        begun.set()
        go_on.wait(10)
        noted.append(ids)

    monkeypatch.setattr(outbox, "mark", slowly)
    sent = outbox.Sent()
    sent.add("orchestration", ["a"])
    assert begun.wait(10)
    ending = threading.Thread(target=sent.note)
    ending.start()
    ending.join(0.1)
    assert ending.is_alive()
    go_on.set()
    ending.join(10)
    assert (ending.is_alive(), noted) == (False, [["a"]])
