"""The order of a case as its tools read it: what the task says, completed from the tenant's settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from shared.agents.case import Case
from shared.errors import Invalid
from shared.tools.money import EXACT, Money, money, total
from shared.tools.rates import convert
from shared.tools.reading import Fields
from shared.tools.totals import order_amount

if TYPE_CHECKING:
    from shared.agents.toolbox.needs import Past
    from shared.escalation.policy import Policy

T = TypeVar("T")
#: What a product's data may say of an order line that does not say it itself.
OF_PRODUCT = ("weight_kg", "size_cm", "hs_code", "hazard", "this_way_up")


def once(case: Case, name: str, compute: Callable[[], T]) -> T:
    """A value that several tools of a case need, computed when first asked for and kept beside what they found."""
    if name not in case.found:
        case.found[name] = compute()
    value: T = case.found[name]
    return value


def past_of(case: Case) -> Past | None:
    """The tenant's past; None where there is none to ask."""
    past: Past | None = case.history
    return past


def policy_of(case: Case) -> Policy:
    """The tenant's policy: its currency, its rates and its limits."""
    from shared.escalation.policy import stored_policy

    return once(case, "policy", lambda: stored_policy(case.settings.get("policy")))


def in_currency(case: Case, amount: Money, currency: str) -> Money | None:
    """The amount in another currency by the tenant's rates, rounded there; None without a rate."""
    converted = convert(amount, currency, policy_of(case).fx_rates)
    return None if converted is None else converted.rounded()


def order_of(case: Case) -> dict[str, Any]:
    """The task's data with what the tenant's products say of its lines (`OF_PRODUCT`), and `margin`, text in the
    order's currency, where neither the order nor a lack of costs says otherwise."""
    return once(case, "order", lambda: _order(case))


def _order(case: Case) -> dict[str, Any]:
    products = _products(case)
    order = dict(case.data)
    if isinstance(order.get("lines"), list | tuple):
        order["lines"] = [_completed(line, products) for line in order["lines"]]
    if order.get("margin") is None and (margin := _margin(case, order, products)) is not None:
        order["margin"] = f"{margin.amount:f}"
    return order


def _products(case: Case) -> Mapping[str, object]:
    products = Fields.of(case.settings, "settings").maybe_object("products")
    return products.data if products else {}


def _product(line: Mapping[str, object], products: Mapping[str, object]) -> Fields | None:
    sku = line.get("sku")
    found = products.get(sku) if isinstance(sku, str) else None
    return None if found is None else Fields.of(found, f"settings.products.{sku}")


def _completed(line: object, products: Mapping[str, object]) -> object:
    if not isinstance(line, Mapping) or (product := _product(line, products)) is None:
        return line
    said = {name: product.data[name] for name in OF_PRODUCT if product.data.get(name) is not None}
    return {**said, **{name: value for name, value in line.items() if value is not None}}


def _margin(case: Case, order: Mapping[str, object], products: Mapping[str, object]) -> Money | None:
    """What the order brings without tax, less what its goods cost; None when a price without tax or a cost is not
    known, and when it comes to more than the amount: then the lines are not those of the amount."""
    amount = order_amount(order)
    fields = Fields.of(order)
    lines = fields.objects("lines")
    parts = [_brought(case, line, amount.currency, products) for line in lines]
    known = [part for part in parts if part is not None]
    if not lines or len(known) < len(parts):
        return None
    rate = max(_tax_rate(line) or Decimal(0) for line in lines)
    known.append(_without_tax(_money(fields, "shipping_gross", amount.currency), rate))
    known += [-_money(discount, "amount", amount.currency) for discount in fields.objects("discounts")]
    margin = total(known, amount.currency).rounded()
    return margin if margin <= amount else None


def _brought(case: Case, line: Fields, currency: str, products: Mapping[str, object]) -> Money | None:
    product = _product(line.data, products)
    quantity, rate = line.integer("quantity"), _tax_rate(line)
    if product is None or product.data.get("cost") is None:
        return None
    own = product.maybe_text("currency") or policy_of(case).currency
    cost = money(product.data["cost"], own, field=product.at("cost"), payable=False)
    converted = convert(cost, currency, policy_of(case).fx_rates)
    if line.data.get("unit_price_net") is not None:
        net = _money(line, "unit_price_net", currency)
    elif rate is not None and line.data.get("unit_price_gross") is not None:
        net = _without_tax(_money(line, "unit_price_gross", currency), rate)
    else:
        return None
    return None if converted is None else (net - converted).times(quantity)


def _tax_rate(line: Fields) -> Decimal | None:
    rate = line.maybe_decimal("tax_rate")
    if rate is not None and not 0 <= rate <= 1:
        raise Invalid.field(line.at("tax_rate"), "must lie in 0..1")
    return rate


def _without_tax(gross: Money, rate: Decimal) -> Money:
    return Money(EXACT.divide(gross.amount, 1 + rate).quantize(Decimal("1e-12"), context=EXACT), gross.currency)


def _money(fields: Fields, name: str, currency: str) -> Money:
    value = fields.data.get(name)
    return money(0 if value is None else value, currency, field=fields.at(name), payable=False)


def plain(value: Any) -> Any:
    """What a tool found as JSON values, fields by their names: decimals and dates as text, money as {amount,
    currency}. Other values stay as they are."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields_of(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(part) for part in value]
    return value
