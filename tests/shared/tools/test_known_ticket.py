"""Known tickets: duplicates by shingles, the same problem by words, incidents by the Poisson tail."""

from __future__ import annotations

import datetime as dt

import pytest
from scipy import stats

from shared.tools.known_ticket import OpenTicket, known_ticket

NOW = dt.datetime(2026, 12, 11, 16, tzinfo=dt.UTC)
LONG = (
    "I ordered two pairs of running shoes last week and the tracking page has not changed since Monday morning, "
    "so I would like to know where the parcel is and when it will be delivered to my office in Berlin"
)


def ticket(id_: str, text: str, customer: str = "a", minutes: int = 0, category: str = "technical") -> OpenTicket:
    return OpenTicket(id_, customer, text, category, NOW - dt.timedelta(minutes=minutes))


def test_nearly_the_same_words_of_the_same_customer_are_a_duplicate() -> None:
    again = ticket("new", f"{LONG} thanks")
    assert known_ticket(again, [ticket("old", LONG, minutes=300)]).duplicate_of == "old"


def test_the_same_words_of_another_customer_are_no_duplicate_but_the_same_problem() -> None:
    found = known_ticket(ticket("new", LONG), [ticket("old", LONG, customer="b")])
    assert (found.duplicate_of, found.cluster) == (None, ("old",))


def test_one_changed_word_in_the_middle_of_a_short_message_is_a_new_message() -> None:
    old = ticket("old", "where is my order 1042 from last week please")
    assert known_ticket(ticket("new", "where is my order 1043 from last week please"), [old]).duplicate_of is None


def test_another_category_is_another_problem() -> None:
    assert known_ticket(ticket("new", LONG), [ticket("old", LONG, category="delivery", customer="b")]).cluster == ()


@pytest.mark.parametrize(("others", "p", "incident"), [(4, 0.00141, False), (5, 0.000184, True)])
def test_an_incident_is_more_than_chance_brings(others: int, p: float, incident: bool) -> None:
    """At 0.8 tickets an hour a fifth is unusual luck, a sixth is none."""
    open_tickets = [ticket(f"t{n}", "checkout shows a blank page", f"c{n}", n) for n in range(others)]
    found = known_ticket(ticket("new", "blank page at checkout"), open_tickets, rate=0.8)
    assert found.in_hour == others + 1
    assert found.p == pytest.approx(p, rel=5e-3)
    assert found.p == pytest.approx(stats.poisson.sf(others, 0.8))
    assert found.incident is incident


def test_tickets_of_more_than_an_hour_ago_do_not_make_an_incident() -> None:
    open_tickets = [ticket(f"t{n}", "checkout shows a blank page", f"c{n}", 61 + n) for n in range(9)]
    found = known_ticket(ticket("new", "blank page at checkout"), open_tickets, rate=0.8)
    assert (len(found.cluster), found.in_hour, found.incident) == (9, 1, False)


def test_one_customer_who_writes_ten_times_is_one() -> None:
    open_tickets = [ticket(f"t{n}", "checkout shows a blank page", "a", n) for n in range(9)]
    assert known_ticket(ticket("new", "blank page at checkout"), open_tickets, rate=0.8).in_hour == 1


def test_without_a_usual_rate_nothing_is_called_an_incident() -> None:
    open_tickets = [ticket(f"t{n}", "blank page at checkout", f"c{n}") for n in range(50)]
    found = known_ticket(ticket("new", "blank page at checkout"), open_tickets)
    assert (found.in_hour, found.p, found.incident) == (51, None, False)


@pytest.mark.parametrize("text", ["", "...", "😡"])
def test_messages_without_words_are_not_alike(text: str) -> None:
    found = known_ticket(ticket("new", text), [ticket("old", text), ticket("other", text, "b")])
    assert (found.duplicate_of, found.cluster) == (None, ())


def test_a_ticket_is_no_duplicate_of_itself_and_an_unknown_customer_has_none() -> None:
    new = OpenTicket("new", None, LONG, "technical", NOW)
    assert known_ticket(new, [new, OpenTicket("old", None, LONG, "technical", NOW)]).duplicate_of is None
