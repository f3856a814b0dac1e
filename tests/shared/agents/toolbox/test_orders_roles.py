"""The four order roles hand over as an order goes, and name tools that exist."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.agents.role import END
from shared.agents.roles import first_role, role
from shared.agents.toolbox import tools_of

HAND_OVERS = {
    "payment_validator": {
        "paid": "fraud_screener",
        "authorised": "fraud_screener",
        "overpaid": "fraud_screener",
        "unpaid": "order_communicator",
        "underpaid": "order_communicator",
        "mismatch": "order_communicator",
    },
    "fraud_screener": {
        "accept": "fulfilment_planner",
        "review": "fulfilment_planner",
        "decline": "fulfilment_planner",
        "refused": "order_communicator",
    },
    "fulfilment_planner": {"planned": "order_communicator", "short": "order_communicator"},
    "order_communicator": {"message": END, "nothing": END, "by_human": END},
}


@pytest.mark.parametrize("name", HAND_OVERS)
def test_each_outcome_leads_on(name: str) -> None:
    assert role(name).outcomes == HAND_OVERS[name]


@pytest.mark.parametrize("name", HAND_OVERS)
def test_each_role_has_its_tools_in_the_orders_queue(name: str) -> None:
    worker = role(name)
    assert tuple(tools_of(worker)) == worker.tools
    assert (worker.queue, worker.family, worker.task_types) == ("auto_orders", "orders", ("order",))


def test_an_order_starts_with_its_money() -> None:
    starter = first_role("order")
    assert starter is not None
    assert starter.name == "payment_validator"


def test_the_table_of_tools_imports_no_heavy_library() -> None:
    """Each role's process pays for it at its start; babel, holidays and the like load with the first tool."""
    heavy = "{'babel', 'holidays', 'rapidfuzz', 'disposable_email_domains', 'crewai', 'sqlalchemy', 'yaml'}"
    code = f"import sys, shared.agents.toolbox.orders; print(sorted({heavy} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
