"""What a load sends, by a seed: orders and tickets of the demo shop's customers, and events of its backend.

Orders are those of `scripts/demo_day`, so most go through, and some wait for a human: too large, likely fraud, a card
number in a note. Each has a house of its own, for thousands a day would otherwise share the few addresses of the demo
and be taken for fraud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal

from scripts.demo_day import orders

Kind = Literal["order", "unpaid", "ticket", "event", "payment"]

#: Shares of what is sent. A payment for an order that nobody has placed dies by design, after some tries.
MIX: Mapping[Kind, int] = {"order": 60, "ticket": 25, "event": 14, "payment": 1}
#: One in so many orders and tickets has an attachment's text with it, too large for a row and a message.
LARGE_ONE_IN = 25
LARGE_CHARACTERS = 300_000
SOURCE = "/trial/shop"
_BLOCK = 40

TICKETS = (
    ("en", "Where is my order {order}?\n\nThanks\n{name}"),
    ("en", "Please send me an invoice for my order {order}.\n\nKind regards\n{name}"),
    ("en", "When will my order arrive? I leave for a hike soon.\n\n-- \n{name}\nSent from my phone"),
    ("de", "Guten Tag,\n\nwo ist meine Bestellung {order}?\n\nViele Grüße\n{name}"),
    ("fr", "Bonjour,\n\noù est ma commande {order} ?\n\nCordialement\n{name}"),
    ("nl", "Hallo,\n\nwaar blijft mijn bestelling {order}?\n\nGroeten\n{name}"),
    ("es", "Hola,\n\n¿dónde está mi pedido {order}?\n\nGracias\n{name}"),
    ("en", "I am very angry. This is a disaster. You ruined my wedding! Order {order}."),
    ("en", "If order {order} is not here by Friday, you will hear from my lawyer."),
    ("en", ""),
)


@dataclass(frozen=True)
class Sample:
    """One thing to send: a task of a type with its data, or an event (a CloudEvent in its structured form)."""

    kind: Kind
    key: str
    body: Mapping[str, Any]

    @property
    def cause(self) -> str:
        """What a task that an event starts names as its cause; "" for a task."""
        return f"{self.body['source']}#{self.body['id']}" if self.kind in ("event", "payment") else ""


def samples(seed: int, mix: Mapping[Kind, int] = MIX) -> Iterator[Sample]:
    """Without end; the same seed gives the same ones, but for the hour of their day."""
    rng = Random(f"{seed}:samples")
    placed = _orders(seed)
    for number, kind in enumerate(iter(lambda: rng.choices(list(mix), list(mix.values()))[0], "")):
        order = next(placed)
        yield _SAMPLES[kind](rng, f"{seed}-{number}", order)


def _orders(seed: int) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    block = 0
    while True:  # a day of forty orders after the other, each of another seed
        for number, order in enumerate(orders(seed * 1000 + block, _BLOCK, now)):
            unique = f"{seed}-{block}-{number}"
            home = order["shipping_address"] | {"street": f"{order['shipping_address']['street']} / {unique}"}
            yield order | {"order_id": f"o-{unique}", "shipping_address": home, "billing_address": home}
        block += 1


def _large(rng: Random, data: dict[str, Any]) -> dict[str, Any]:
    if rng.randrange(LARGE_ONE_IN):
        return data
    return data | {"attachment_text": f"page {rng.random()} " * (LARGE_CHARACTERS // 20)}


def _order(rng: Random, key: str, order: dict[str, Any]) -> Sample:
    return Sample("order", key, {"type": "order", "data": _large(rng, order)})


def _unpaid(_rng: Random, key: str, order: dict[str, Any]) -> Sample:
    """Its customer is asked to pay, and that is all: two roles of four."""
    return Sample("unpaid", key, {"type": "order", "data": order | {"payments": []}})


def _ticket(rng: Random, key: str, order: dict[str, Any]) -> Sample:
    language, text = rng.choice(TICKETS)
    data = {
        "ticket_id": f"t-{key}",
        "subject": "A question",
        "message": text.format(order=order["order_id"], name=order["customer_name"]),
        "email": order["email"],
        "name": order["customer_name"],
        "customer_id": order["customer_id"],
        "channel": "email",
        "locale": language,
    }
    return Sample("ticket", key, {"type": "support_ticket", "data": _large(rng, data)})


def _event(_rng: Random, key: str, order: dict[str, Any]) -> Sample:
    data = {"order_id": order["order_id"], "amount": order["amount"], "currency": order["currency"], "order": order}
    return Sample("event", key, _cloud_event("OrderPlaced", key, data | {"email": order["email"]}))


def _payment(_rng: Random, key: str, order: dict[str, Any]) -> Sample:
    data = {
        "order_id": f"nobody-{key}",
        "payment_id": "pay-1",
        "amount": order["amount"],
        "currency": order["currency"],
        "status": "captured",
        "payments": order["payments"],
    }
    return Sample("payment", key, _cloud_event("PaymentProcessed", key, data))


def _cloud_event(name: str, key: str, data: Mapping[str, Any]) -> dict[str, Any]:
    type_ = f"bizosaas.commerce.{name}.v1"
    return {"specversion": "1.0", "id": key, "source": SOURCE, "type": type_, "data": dict(data)}


_SAMPLES = {"order": _order, "unpaid": _unpaid, "ticket": _ticket, "event": _event, "payment": _payment}
