"""Whatever an order's data is, a role concludes or names what is wrong: never another error."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.agents.brief import quoted
from shared.agents.roles import role, roles
from shared.errors import Invalid
from tests.shared.agents.toolbox.order_shop import case_of, order, work

NAMES = sorted(name for name, one in roles().items() if one.family == "orders")
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["EUR", "JPY", "90.00", "-1", "1e9", "DE", "2026-12-03", "0001-01-01T00:00:00Z", "a@b.example"]),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.decimals(allow_nan=False, places=2), TEXTS
)
JSONISH = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
RESULTS = {
    "payment_validator": {"outcome": "paid", "amount_due": "0.00", "currency": "EUR"},
    "fraud_screener": {"outcome": "accept"},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into an order."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for name, part in inner for found in places(part, (*path, name))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


FULL = order(
    phone="+49 170 1234567",
    consent={"email": True, "sms": True},
    time_zone="Europe/Berlin",
    promised_by="2026-12-20",
    margin="20.00",
    happened="fulfilled",
    customer_new=False,
    shipment={"latest": "2026-12-03"},
    delay={"new_date": "2026-12-24"},
    refund={"amount": "1.00", "currency": "EUR"},
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(places(FULL)), JSONISH, st.booleans())
def test_one_wrong_value_anywhere_is_worked_with_or_named(
    name: str, path: tuple[Any, ...], value: Any, alone: bool
) -> None:
    with contextlib.suppress(Invalid):
        work(name, replaced(FULL, path, value), results={} if alone else RESULTS)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(sorted(FULL)), JSONISH))
def test_any_object_is_worked_with_or_named(name: str, data: dict[str, Any]) -> None:
    with contextlib.suppress(Invalid):
        work(name, data, results=RESULTS)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(NAMES), st.text(max_size=200))
def test_any_draft_is_checked(name: str, draft: str) -> None:
    with contextlib.suppress(Invalid):
        work(name, FULL, results=RESULTS | {"fulfilment_planner": {"outcome": "planned"}}, draft=draft)


def test_every_tool_of_every_role_finds_json() -> None:
    """What a model is shown of a tool is data, and no object printed as text."""
    for name in NAMES:
        case = case_of(name, FULL, results=RESULTS)
        for tool in role(name).tools:
            if tool != role(name).conclude:
                assert " object at 0x" not in quoted(case.get(tool), 100_000)
                assert case.tools[tool].description.endswith(".")
