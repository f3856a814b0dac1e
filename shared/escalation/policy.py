"""What a tenant calls risky: its currency, its rates and the limits of the rules, as one frozen value.

Where a policy comes from:
1. The defaults of the house (`DEFAULT_LIMITS`).
2. The operator's document replaces any of them, in either direction.
3. A tenant's document replaces any of those by something at least as strict; what is looser is refused.
4. A document that was accepted once never stops the work later: what the operator has overtaken with something
   stricter since then counts as the operator has it (`stored_policy`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from events.jsontext import JsonError, canonical, loads
from shared.errors import Invalid
from shared.escalation.limits import DEFAULT_LIMITS, read_limit
from shared.escalation.policy_document import read_policy
from shared.tools.legal_words import LEGAL_WORDS
from shared.tools.money import Money
from shared.tools.rates import Rate

Urgency = Literal["low", "medium", "high"]
DEFAULT_CURRENCY = "EUR"
POLICY_FILE = "BIZOSAAS_POLICY_FILE"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One tenant's policy; `DEFAULT_LIMITS` explains its limits, and money among them is in `currency`.

    `vip_urgency` is the least urgency of escalated work for a VIP customer; `role_confidence` are (role, floor)
    beside `min_confidence`. All lists are sorted: one content, one value.
    """

    currency: str
    fx_rates: tuple[Rate, ...] = ()
    order_amount: Money
    new_customer_amount: Money
    fraud_score: Decimal
    sentiment: Decimal
    cost_impact: Money
    min_confidence: Decimal
    approval_hours: int
    exception_hours: int
    legal_words: tuple[str, ...]
    vip_urgency: Urgency = "low"
    role_confidence: tuple[tuple[str, Decimal], ...] = ()

    @cached_property
    def version(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the content: it changes when, and only when, that does."""
        return sha256(canonical(_plain(asdict(self))).encode()).hexdigest()[:16]

    def min_confidence_of(self, role: str, own: float = 0.0) -> float:
        """The confidence below which what this role finished goes to a human: the highest of the role's `own`
        floor, the policy's for the role and the policy's for all."""
        return max(own, float(self.min_confidence), float(self._floors.get(role, 0)))

    @cached_property
    def _floors(self) -> Mapping[str, Decimal]:
        return dict(self.role_confidence)


def _plain(value: Any) -> Any:
    """Content as JSON that is alike for equal values: 0.70 and 0.7 are one number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value if isinstance(value, int) else str(value)


DEFAULT_POLICY = Policy(
    currency=DEFAULT_CURRENCY,
    legal_words=tuple(sorted(LEGAL_WORDS)),
    **{limit.name: read_limit(limit, limit.default, DEFAULT_CURRENCY) for limit in DEFAULT_LIMITS},  # type: ignore[arg-type]  # read_limit gives each limit's own type
)


def policy_from(document: Mapping[str, object] | None, base: Policy = DEFAULT_POLICY) -> Policy:
    """A tenant's policy over the operator's (`base`). Raises Invalid naming every key that is unknown, of a wrong
    type or looser than `base` (`policy.fraud_score`), all together. See `policy_document` for the keys."""
    return base if document is None else read_policy(document, base, "refuse")


def stored_policy(document: Mapping[str, object] | None, base: Policy = DEFAULT_POLICY) -> Policy:
    """A tenant's policy from a document that `policy_from` accepted under an earlier `base`: where the present one
    is stricter, it counts, so that no change of the operator's stops a tenant's work."""
    return base if document is None else read_policy(document, base, "hold")


def operator_policy(environ: Mapping[str, str] = os.environ) -> Policy:
    """The policy that all tenants start from: the JSON file named by BIZOSAAS_POLICY_FILE over the defaults, which
    it may also loosen. Raises Invalid naming the variable, the file and what is wrong with it."""
    name = environ.get(POLICY_FILE, "")
    if not name:
        return DEFAULT_POLICY
    try:
        document = loads(Path(name).read_bytes())
    except (OSError, JsonError) as error:
        raise Invalid.field(POLICY_FILE, f"{name}: {error}") from None
    return read_policy(document, DEFAULT_POLICY, "take", name)
