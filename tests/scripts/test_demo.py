"""What `scripts/demo` says of what became of a day; the flows run it as a person does."""

from __future__ import annotations

from typing import Any, cast

import pytest
from rich.console import Console

from scripts import demo


class Tasks:
    """The API, with these tasks in it for ever."""

    def __init__(self, *tasks: dict[str, Any]) -> None:
        self.tasks = list(tasks)

    def call(self, method: str, path: str) -> Any:
        assert (method, path.partition("?")[0]) == ("GET", "/tasks")
        return {"items": self.tasks, "next_cursor": None}


def test_a_webhook_without_a_task_is_named_and_the_rest_is_told_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PATIENCE_SECONDS", 0.01)
    done = {"id": "1", "cause": "/saleor#a", "status": "completed"}
    late = {"id": "2", "cause": "/saleor#b", "status": "running"}
    slow = {"id": "3", "cause": "", "status": "queued"}
    client = cast("demo.Client", Tasks(done, late, slow, {"id": "9", "cause": "", "status": "completed"}))
    seen, without = demo._follow(client, ["/saleor#a", "/saleor#b", "3", "/saleor#c"], Console(quiet=True))
    assert seen == [done, late, slow]
    assert without == ["/saleor#c"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"limit": "5000.00 EUR"}, "high_value_transaction: amount is 50.00 CHF (limit 5000.00 EUR)"),
        (
            {"limit": "5000.00 EUR", "why": "no rate CHF/EUR"},
            "high_value_transaction: amount is 50.00 CHF (limit 5000.00 EUR; no rate CHF/EUR)",
        ),
        ({"limit": None, "why": ""}, "high_value_transaction: amount is 50.00 CHF"),
    ],
)
def test_a_reason_says_why_where_value_and_limit_do_not(more: dict[str, Any], says: str) -> None:
    reason = {"trigger": "high_value_transaction", "field": "amount", "actual": "50.00 CHF"}
    assert demo.reason_line(reason | more) == says
