"""Numbers that a tenant describes by templates, found in messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.tools.id_patterns import MOST, find_ids, kept_ids, same_id
from shared.tools.references import IdTemplates


@pytest.mark.parametrize(
    ("text", "template", "found"),
    [
        ("Order #1042 is late", "order {d}", ("1042",)),
        ("order: 1042, ORDER   77", "order {d}", ("1042", "77")),
        ("my order no. 5", "order no {d}", ("5",)),
        ("see SO-004711!", "SO-{6d}", ("SO-004711",)),
        ("so-004711", "SO-{6d}", ("SO-004711",)),
        ("SO-0047110", "SO-{6d}", ()),
        ("XSO-004711", "SO-{6d}", ()),
        ("parcel RR123456785DE.", "{2a}{9d}{2a}", ("RR123456785DE",)),
        ("1Z999AA10123456784", "1Z{16x}", ("1Z999AA10123456784",)),
        ("#1042 and #1042", "#{d}", ("#1042",)),
        ("lot a.b(12), axb(13)", "a.b({d})", ("A.B(12)",)),
    ],
)
def test_a_template_finds_its_numbers_and_no_others(text: str, template: str, found: tuple[str, ...]) -> None:
    assert find_ids(text, [template]) == found


@pytest.mark.parametrize(
    "template", ["", "order", "{x}", "{12a}", "{", "SO-{6}", "{d}-{x}", "{z}", "order {d} now", "x" * 60 + "{d}"]
)
def test_a_template_that_cannot_work_is_refused_by_its_place(template: str) -> None:
    with pytest.raises(Invalid, match=r"templates\[1\]"):
        find_ids("x", ["{4d}", template])


def test_no_templates_find_nothing() -> None:
    assert find_ids("1042", []) == ()


def test_only_so_many_different_numbers_are_kept() -> None:
    assert len(find_ids(" ".join(f"#{n}" for n in range(5_000)), ["#{d}"])) == MOST


def test_known_numbers_are_kept_in_the_spelling_of_the_house() -> None:
    assert kept_ids(["#1042", "SO-7"], ["so-7", "1042", "99"]) == ("so-7", "1042")
    assert same_id("# 1042", "1042")


@given(st.integers(0, 10**9), st.text(st.characters(exclude_categories=("L", "N", "Cs")), min_size=1, max_size=5))
def test_every_order_number_that_is_named_is_found(number: int, edge: str) -> None:
    assert str(number) in find_ids(f"{edge}order {number}{edge}", IdTemplates().order)


@pytest.mark.parametrize("unit", ["order ", "order #", "order no ", "1Z", "a1", "#"])
def test_a_megabyte_of_beginnings_costs_little(unit: str) -> None:
    templates = IdTemplates()
    find_ids(unit * (1_000_000 // len(unit)), (*templates.order, *templates.tracking, *templates.error))
