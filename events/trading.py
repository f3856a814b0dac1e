"""Trading: portfolios, trades, strategies, signals."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from events.event import DomainEvent
from events.fields import Amount, Currency, Id, Json, Line, Number


class TradeExecuted(DomainEvent):
    """An order to buy or sell was filled."""

    TOPIC = "domain.trading"
    trade_id: Id
    portfolio_id: Id
    symbol: Line
    side: Literal["buy", "sell"]
    quantity: Amount
    price: Amount
    currency: Currency
    attributes: Json = Field(default_factory=dict)


class SignalGenerated(DomainEvent):
    """A strategy says something about a symbol."""

    TOPIC = "domain.trading"
    signal_id: Id
    strategy_id: Id
    symbol: Line
    direction: Literal["long", "short", "flat"]
    strength: float = Field(ge=0, le=1)
    attributes: Json = Field(default_factory=dict)


class RiskAlert(DomainEvent):
    """A limit of a portfolio is broken or close to it."""

    TOPIC = "domain.trading"
    alert_id: Id
    portfolio_id: Id
    measure: Line
    value: Number
    limit: Number
    severity: Literal["info", "warning", "critical"] = "warning"
    attributes: Json = Field(default_factory=dict)
