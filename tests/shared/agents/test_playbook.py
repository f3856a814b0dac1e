"""The playbook runs a role's tools in order and holds the conclusion to the role's file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.agents.case import Proposal, Tool
from shared.agents.playbook import conclude
from shared.errors import HouseError, Invalid
from tests.shared.agents.sample import ROLE, TOOLS, case, judge


def test_tools_run_once_in_the_order_of_the_file() -> None:
    work = case()
    conclusion = conclude(ROLE, work)
    assert list(work.found) == ["total", "deviation", "wording", "judge"]
    assert (conclusion.outcome, conclusion.output["total"]) == ("agrees", "33.00")


def test_data_that_a_tool_refuses_is_invalid() -> None:
    with pytest.raises(Invalid, match=r"data\.lines"):
        conclude(ROLE, case(lines=[]))


def test_another_error_of_a_tool_passes_as_it_is() -> None:
    with pytest.raises(KeyError, match="price"):
        conclude(ROLE, case(lines=[{"quantity": 1}]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcome": "approved"}, "'approved' is none of agrees, differs"),
        ({"confidence": 1.2}, "1.2 is not between 0 and 1"),
        ({"confidence": float("nan")}, "nan is not between 0 and 1"),
        ({"output": {"total": "33.00", "deviation": 0.0}}, "output.body: Field required"),
        ({"output": {"total": "1", "deviation": 0.0, "body": "", "more": 1}}, "output.more: Extra inputs"),
        ({"output": {"total": Decimal(1), "deviation": 0.0, "body": ""}}, "output.total: Input should be a valid str"),
        ({"proposals": (Proposal("refund"),)}, "'refund' is none of its actions"),
        ({"proposals": (Proposal("hold", {"id": "A"}),)}, "'hold' lacks 'order_id'"),
    ],
)
def test_a_conclusion_against_the_roles_file_is_our_mistake(change: dict[str, Any], message: str) -> None:
    work = case()
    work.tools = {**TOOLS, "judge": Tool("judge", "", lambda work: replace(judge(work), **change))}
    with pytest.raises(HouseError) as caught:
        conclude(ROLE, work)
    assert message in caught.value.detail
    assert not isinstance(caught.value, Invalid)


def test_a_conclusion_must_be_one_and_its_output_json() -> None:
    work = case()
    work.tools = {**TOOLS, "judge": Tool("judge", "", lambda _: {"outcome": "agrees"})}
    with pytest.raises(HouseError, match="judge gave a dict and no Conclusion"):
        conclude(ROLE, work)
    role = ROLE.model_copy(update={"output": {"seen": "list"}})
    work = case()
    seen = {"seen": [datetime(2026, 1, 1, tzinfo=UTC)]}
    work.tools = {**TOOLS, "judge": Tool("judge", "", lambda work: replace(judge(work), output=seen))}
    with pytest.raises(HouseError, match="the output is not JSON: datetime"):
        conclude(role, work)
