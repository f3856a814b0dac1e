"""The tools of the order roles: the table. A tool says of itself to a model what its docstring says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.agents.case import Case, Tool
from shared.agents.toolbox import orders_fraud as fraud
from shared.agents.toolbox import orders_fulfilment as fulfilment
from shared.agents.toolbox import orders_message as message
from shared.agents.toolbox import orders_payment as payment


def _tool(run: Callable[[Case], Any]) -> Tool:
    return Tool(run.__name__, " ".join((run.__doc__ or "").split()), run)


TOOLS: tuple[Tool, ...] = tuple(
    map(
        _tool,
        (
            # payment_validator
            payment.mask_sensitive,
            payment.money,
            payment.reconcile_totals,
            payment.match_payments,
            payment.check_instrument,
            payment.read_authentication,
            payment.find_duplicate,
            payment.conclude_payment,
            # fraud_screener
            fraud.prior,
            fraud.weight,
            fraud.velocity,
            fraud.tail_weight,
            fraud.amount_outlier,
            fraud.combine,
            fraud.expected_cost,
            fraud.conclude_fraud,
            # fulfilment_planner
            fulfilment.available_to_promise,
            fulfilment.great_circle_km,
            fulfilment.choose_sources,
            fulfilment.pack,
            fulfilment.billable_kg,
            fulfilment.delivery_window,
            fulfilment.choose_service,
            fulfilment.conclude_fulfilment,
            # order_communicator
            message.message_kind,
            message.already_said,
            message.order_facts,
            message.delay_rights,
            message.render,
            message.check_claims,
            message.sms_segments,
            message.send_at,
            message.conclude_message,
        ),
    )
)
