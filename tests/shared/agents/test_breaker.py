"""The circuit breaker's rules, and its life with any sequence of events at any time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.agents.breaker import CLOSED, Circuit, Failed, Policy, Succeeded, after

POLICY = Policy(failures=3, pause=10, longest_pause=60)
NOW = 1_000.0


def test_failures_in_a_row_open_it_and_a_success_between_starts_again() -> None:
    two = after(after(CLOSED, Failed(), NOW, POLICY), Failed(), NOW, POLICY)
    assert two.phase(NOW) == "closed"
    assert after(two, Succeeded(), NOW, POLICY) == CLOSED
    opened = after(two, Failed(), NOW, POLICY)
    assert (opened.phase(NOW), opened.phase(NOW + 9.9), opened.phase(NOW + 10)) == ("open", "open", "half_open")


def test_the_pause_doubles_with_each_opening_up_to_the_longest() -> None:
    circuit, now, pauses = Circuit(failures=2), NOW, []
    for _ in range(5):
        circuit = after(circuit, Failed(), now, POLICY)
        pauses.append(circuit.open_until - now)
        now = circuit.open_until
    assert pauses == [10, 20, 40, 60, 60]


def test_half_open_a_success_closes_it_for_good() -> None:
    opened = Circuit(3, 4, NOW)
    assert after(opened, Succeeded(), NOW, POLICY) == CLOSED


def test_a_long_pause_that_was_asked_for_opens_it_at_once_and_a_short_one_does_not() -> None:
    assert after(CLOSED, Failed(pause=25), NOW, POLICY).open_until == NOW + 25
    assert after(CLOSED, Failed(pause=3_600), NOW, POLICY).open_until == NOW + 60
    assert after(CLOSED, Failed(pause=2), NOW, POLICY) == Circuit(failures=1)


def test_a_late_answer_changes_nothing_while_it_is_open() -> None:
    opened = Circuit(3, 1, NOW + 10)
    assert after(opened, Succeeded(), NOW, POLICY) == opened
    assert after(opened, Failed(), NOW, POLICY) == opened
    assert after(opened, Failed(pause=30), NOW, POLICY).open_until == NOW + 30


@given(
    st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=1e6),
            st.one_of(
                st.just(Succeeded()), st.builds(Failed, pause=st.floats(min_value=0, max_value=1e9, allow_nan=False))
            ),
        ),
        max_size=80,
    )
)
def test_it_never_stays_open_longer_than_the_longest_pause(steps: list[tuple[float, Succeeded | Failed]]) -> None:
    circuit, now = CLOSED, NOW
    for wait, event in steps:
        now += wait
        circuit = after(circuit, event, now, POLICY)
        assert circuit.open_until - now <= POLICY.longest_pause + 1e-6
        assert (circuit.phase(now) == "closed") == (circuit.openings == 0)
        if circuit.phase(now) == "closed":
            assert circuit.failures < POLICY.failures
