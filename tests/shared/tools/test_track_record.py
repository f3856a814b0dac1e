"""How often a role was right: the page's intervals and score, and what counts as alike."""

from __future__ import annotations

import pytest

from shared.tools.track_record import Kept, TrackRecord, brier_score, track_record

FRAUD = frozenset({"fraud_risk_detected"})


def kept(count: int, *, agreed: bool = True, confidence: float | None = 0.9, **more: object) -> list[Kept]:
    values: dict[str, object] = {"role": "fraud_screener", "task_type": "order", "triggers": FRAUD, **more}
    return [Kept(confidence=confidence, agreed=agreed, **values)] * count  # type: ignore[arg-type]  # built from a table


def record(decisions: list[Kept], confidence: float | None = 0.9) -> TrackRecord:
    return track_record("fraud_screener", "order", FRAUD, confidence, decisions)


def test_eighteen_of_twenty() -> None:
    """The interval of the page: 0.699 to 0.972."""
    found = record(kept(18) + kept(2, agreed=False))
    assert found.lo is not None
    assert found.hi is not None
    assert (found.agreed, found.n, round(found.lo, 3), round(found.hi, 3)) == (18, 20, 0.699, 0.972)


def test_the_brier_score_of_the_page() -> None:
    """.9 .8 .7 .95 .6 with the third overruled: 0.1405, over all confidences."""
    forecasts = [(0.9, True), (0.8, True), (0.7, False), (0.95, True), (0.6, True)]
    assert brier_score(forecasts) == pytest.approx(0.1405)
    found = record([one for sure, right in forecasts for one in kept(1, confidence=sure, agreed=right)])
    assert found.brier == pytest.approx(0.1405)
    assert (found.agreed, found.n) == (3, 3)  # .9, .8 and .95 are near .9


def test_nine_show_no_percentage() -> None:
    """Fewer than ten decisions give the count alone."""
    assert record(kept(9)) == TrackRecord(9, 9, None, None, pytest.approx(0.01))
    assert record(kept(10)).lo is not None


@pytest.mark.parametrize(
    "other",
    [
        {"role": "payment_validator"},
        {"task_type": "content"},
        {"triggers": frozenset({"high_value_transaction"})},
        {"confidence": 0.79},
        {"confidence": None},
    ],
)
def test_what_is_not_alike_does_not_count(other: dict[str, object]) -> None:
    """Another role, type, trigger or confidence is another question."""
    assert record(kept(12, **other)).n == 0  # type: ignore[arg-type]  # built from a table


def test_without_a_confidence_all_count() -> None:
    """A role that says no confidence is measured by all its decisions."""
    assert record(kept(5, confidence=0.2) + kept(5), None).n == 10


def test_nothing_decided_yet() -> None:
    """No decisions: no interval and no score."""
    assert record([]) == TrackRecord(0, 0, None, None, None)
