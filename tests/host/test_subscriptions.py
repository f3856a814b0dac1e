"""What a stack's annotations say of triggers."""

from __future__ import annotations

import pytest

from host.subscriptions import Subscription, subscriptions
from shared.errors import Invalid


def test_annotations_become_subscriptions_and_functions_without_triggers_none() -> None:
    found = subscriptions(
        [
            ("works", {"queues": "a, b", "batch": "5"}, 4, 30.0),
            ("reads", {"topics": "t"}, 1, 10.0),
            ("gathers", {"topics": "t", "batch": "9", "gather": "1.5s"}, 1, 10.0),
            ("ticks", {"schedule": "every 60s"}, 1, 10.0),
            ("answers", {"route": "GET /"}, 1, 10.0),
        ]
    )
    assert found == [
        Subscription("works", ("a", "b"), (), 0, 4, 5, 60.0),
        Subscription("reads", (), ("t",), 0, 1, 1, 40.0),
        Subscription("gathers", (), ("t",), 0, 1, 9, 40.0, 1.5),
        Subscription("ticks", (), (), 60, 1, 1, 40.0),
    ]


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(Invalid) as caught:
        subscriptions(
            [
                ("a", {"schedule": "hourly"}, 1, 1.0),
                ("b", {"topics": "t", "batch": "0"}, 1, 1.0),
                ("c", {"topics": "t", "batch": "9", "gather": "soon"}, 1, 1.0),
            ]
        )
    assert [problem.field for problem in caught.value.problems] == ["a.schedule", "b.batch", "c.gather"]
