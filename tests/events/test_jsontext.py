"""JSON is read strictly and written so that it comes back the same."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from events.jsontext import JsonError, canonical, dumps, loads

numbers = st.integers(-(10**15), 10**15) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def _plain(value):
    return json.loads(json.dumps(value, default=float))


@given(values)
def test_what_is_written_is_read_back_the_same(value) -> None:
    assert loads(dumps(value)) == value


@given(values)
def test_the_standard_library_reads_what_is_written(value) -> None:
    assert json.loads(dumps(value)) == _plain(value)


def test_a_number_with_a_point_keeps_its_digits() -> None:
    assert loads(b'{"amount": 5000.01}') == {"amount": Decimal("5000.01")}
    assert dumps(loads(b"5000.01")) == "5000.01"


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"",
        b"NaN",
        b"[Infinity]",
        b'{"a":1,"a":2}',
        b"\xff",
        b"[1,]",
        b'"\\ud800"',
        b"1.23456789012345678901",
        b"1e999",
        b"1e99999999999999999999",
        b"[-1.5E-99999999999999999999]",
    ],
)
def test_what_is_not_json_of_this_house_is_refused(raw: bytes) -> None:
    with pytest.raises(JsonError):
        loads(raw)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_in_anybody_elses_shortest_form_is_read(value: float) -> None:
    """pydantic writes e-6 where Python writes e-06; an answer of ours must be readable by our own."""
    text = TypeAdapter(float).dump_json(value)
    assert float(loads(text)) == value


@pytest.mark.parametrize("text", ["9.816198865809402e-6", "9.816198865809402E-06", "0.000009816198865809402"])
def test_one_float_may_be_written_in_several_ways(text: str) -> None:
    assert loads(text) == 9.816198865809402e-06


@pytest.mark.parametrize("text", ["12.345678901234567890", "9.8161988658094021e-6", "100000000000000000.0"])
def test_digits_that_no_float_keeps_are_refused(text: str) -> None:
    with pytest.raises(JsonError, match="send it as a string"):
        loads(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_computed_float_comes_back_as_it_was(value: float) -> None:
    assert float(loads(dumps({"share": value}))["share"]) == value


def test_nesting_has_a_limit() -> None:
    assert loads("[" * 64 + "]" * 64)
    with pytest.raises(JsonError, match="nested deeper"):
        loads("[" * 66 + "]" * 66)
    with pytest.raises(JsonError, match="nested deeper"):
        loads("[" * 200_000 + "]" * 200_000)


def test_a_large_object_with_a_key_twice_is_refused_in_linear_time() -> None:
    raw = "{" + ",".join(f'"k{index}":1' for index in range(100_000)) + ',"k0":2}'
    with pytest.raises(JsonError, match="'k0' stands twice"):
        loads(raw)


def test_equal_objects_have_one_canonical_text() -> None:
    assert canonical({"b": 1, "a": [1, 2]}) == canonical({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'
