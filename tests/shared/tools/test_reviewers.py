"""The right person is asked: allowed, not involved, at work in time, skilled, and the soonest to be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import Invalid
from shared.tools.reviewers import ADMINS, Load, Reviewer, Suggestion, read_reviewers, suggest_reviewer

MONDAY = datetime(2026, 11, 2, 10, tzinfo=UTC)


def reviewer(user_id: str, **more: object) -> Reviewer:
    return Reviewer.read({"user_id": user_id, **more}, "reviewers[0]")


def suggest(*reviewers: Reviewer, loads: dict[str, Load] | None = None, **more: object) -> Suggestion:
    values: dict[str, object] = {"caused_by": {"someone"}, "expires_at": MONDAY + timedelta(hours=8), "now": MONDAY}
    return suggest_reviewer("order", ["fraud_risk_detected"], reviewers=reviewers, loads=loads or {}, **(values | more))  # type: ignore[arg-type]  # built from a table


@pytest.mark.parametrize("skill", ["order", "fraud_risk_detected"])
def test_the_skilled_one_is_asked(skill: str) -> None:
    """A skill is the type of the task or one of its triggers; the busy expert comes before the idle novice."""
    found = suggest(reviewer("novice"), reviewer("expert", skills=[skill]), loads={"expert": Load(queued=30)})
    assert (found.user_id, found.wait_minutes) == ("expert", 30.0)
    assert skill in found.why


def test_five_decisions_of_the_type_are_a_skill() -> None:
    """Five make one skilled, four do not."""
    four, five = reviewer("a"), reviewer("b")
    assert suggest(four, five, loads={"a": Load(decided=4), "b": Load(decided=5, queued=60)}).user_id == "b"


def test_the_soonest_to_be_done_is_asked() -> None:
    """Ten minutes of queue and a quick review beat an empty queue and a slow one; ties by name."""
    quick, slow = reviewer("quick", skills=["order"]), reviewer("slow", skills=["order"])
    loads = {"quick": Load(queued=10, review=2), "slow": Load(queued=0, review=13)}
    assert suggest(slow, quick, loads=loads).user_id == "quick"
    assert suggest(slow, quick).user_id == "quick"


def test_nobody_decides_on_what_they_caused() -> None:
    """The only skilled reviewer is the requester: another one is asked, and it is said that they are not skilled."""
    found = suggest(reviewer("expert", skills=["order"]), reviewer("novice"), caused_by={"expert"})
    assert found.user_id == "novice"
    assert "nobody at work is skilled in order" in found.why


def test_with_nobody_left_the_admins_are_asked() -> None:
    """The requester alone, or nobody at all: the tenant's admins, and why."""
    alone = suggest(reviewer("expert", skills=["order"]), caused_by={"expert"})
    assert (alone.user_id, alone.asked, alone.wait_minutes) == (None, ADMINS, None)
    assert "no reviewers are set" in suggest().why


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({"permissions": ["hitl.decide:order"]}, True),
        ({"permissions": ["hitl.decide:content"]}, False),
        ({"permissions": []}, False),
        ({"absent_until": "2026-11-02T10:00:01Z"}, False),
        ({"absent_until": "2026-11-02T10:00:00Z"}, True),
        ({"working_hours": {"opens": "17:00", "closes": "20:00"}}, True),
        ({"working_hours": {"opens": "18:00", "closes": "20:00"}}, False),
    ],
)
def test_who_is_allowed(more: dict[str, object], allowed: bool) -> None:
    """The permission for the type, no absence, and work that begins before the request expires (18:00)."""
    assert suggest(reviewer("a", **more)).user_id == ("a" if allowed else None)


def test_the_wait_counts_the_hours_until_work_begins() -> None:
    """17:00 in Berlin in November is 16:00 UTC: six hours, and the queue of ten minutes."""
    berlin = {"opens": "17:00", "closes": "20:00", "time_zone": "Europe/Berlin"}
    assert suggest(reviewer("a", working_hours=berlin), loads={"a": Load(queued=10)}).wait_minutes == 370.0


def test_holidays_count() -> None:
    """6 January 2027 is a holiday in Bavaria and not in Berlin."""
    epiphany = datetime(2027, 1, 6, 10, tzinfo=UTC)
    hours = {"opens": "08:00", "closes": "16:00"}
    at = {"now": epiphany, "expires_at": epiphany + timedelta(hours=8)}
    assert suggest(reviewer("a", working_hours=hours, country="DE", region="BE"), **at).user_id == "a"
    assert suggest(reviewer("a", working_hours=hours, country="DE", region="BY"), **at).user_id is None


def test_a_bad_entry_leaves_the_others() -> None:
    """What cannot be read is named by its path; who is listed twice counts once."""
    found, problems = read_reviewers(
        [
            {"user_id": "a"},
            {"skills": []},
            {"user_id": "b", "skills": "order"},
            {"user_id": "a"},
            {"user_id": "c", "country": "XX", "working_hours": {"opens": "08:00", "closes": "16:00"}},
        ]
    )
    assert [one.user_id for one in found] == ["a"]
    assert [problem.split(":")[0] for problem in problems] == [
        "reviewers[1].user_id",
        "reviewers[2].skills",
        "reviewers[4].country",
    ]
    assert read_reviewers(None) == ((), ())
    assert read_reviewers("a") == ((), ("reviewers: must be a list",))


def test_a_reviewer_has_a_name() -> None:
    """An entry without a user id is refused."""
    with pytest.raises(Invalid, match=r"reviewers\[3\].user_id"):
        Reviewer.read({}, "reviewers[3]")
