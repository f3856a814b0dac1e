"""One realistic day of the demo shop, made from a seed: orders and support tickets as the data of tasks.

Nothing is read but the shop's products, and no clock: the same arguments give the same bytes. Of 40 orders 34 need no
human (one of them is in dollars, one is not paid yet and is held); six do: `SPECIAL` says why. The first orders of a
day are the same however many follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from scripts.demo_people import BASEL, BOSTON, PLACES, Place
from scripts.demo_tenants import products

#: When the day is looked at unless somebody says another moment.
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOURS = timedelta(hours=4)
BLOCK = 40
#: What is particular about one order each of every forty.
SPECIAL = (
    "large",  # over 5000.00
    "new_and_large",  # a new customer's over 1000
    "fraud",  # the payment provider thinks so, and so does the data
    "unpaid",
    "charged_twice",
    "card_in_note",  # a card number where none may be
    "dollars",  # converted by the shop's rate
    "no_rate",  # in a currency that the shop has no rate for
)
#: Units of a currency for one euro, as the shop prices its goods abroad.
PRICES = {"EUR": Decimal(1), "USD": Decimal("1.09"), "CHF": Decimal("0.95")}
CENT = Decimal("0.01")
TEST_CARD = "4111 1111 1111 1111"
#: Six digits of a Visa, and of a Mastercard; with the ECI of a full 3-D Secure authentication.
CARDS = (("453201", "05"), ("411773", "05"), ("540123", "02"), ("222301", "02"))

Order = dict[str, Any]


def orders(seed: int, count: int = 40, now: datetime = NOON) -> list[Order]:
    """The data of `count` order tasks, placed in the four hours up to `now` (aware), the earliest first."""
    return [_order(seed, number, now - HOURS * (count - number) / (count + 1)) for number in range(count)]


def tickets(seed: int, count: int = 10, now: datetime = NOON, order_count: int = 40) -> list[dict[str, Any]]:
    """The data of `count` support tickets, received in the hour before `now`. Those about an order name one of
    `orders(seed, order_count)` that needs no human, among the first."""
    rng = Random(f"{seed}:tickets")
    about = [order for number, order in enumerate(orders(seed, order_count, now)) if not kind_of(seed, number)]
    german = [order for order in about if order["locale"].startswith("de")]
    kinds = rng.sample(list(TICKETS), len(TICKETS)) + rng.choices(ORDINARY, k=max(0, count - len(TICKETS)))
    found = []
    for number, kind in enumerate(kinds[:count]):
        pool = german[:1] if kind == "german" and german else about
        received_at = now - timedelta(hours=1) * (count - number) / (count + 1)
        found.append(_ticket(kind, pool[number % len(pool)], f"{seed}:{number}", received_at))
    return found


def kind_of(seed: int, number: int) -> str:
    """What is particular about an order (`SPECIAL`), "" for an ordinary one."""
    block, place = divmod(number, BLOCK)
    places = Random(f"{seed}:special:{block}").sample(range(BLOCK), len(SPECIAL))
    return SPECIAL[places.index(place)] if place in places else ""


def _order(seed: int, number: int, placed_at: datetime) -> Order:
    rng, kind = Random(f"{seed}:order:{number}"), kind_of(seed, number)
    place = {"dollars": BOSTON, "no_rate": BASEL}.get(kind) or rng.choice(PLACES)
    currency = {"dollars": "USD", "no_rate": "CHF"}.get(kind, "EUR")
    lines = _lines(rng, kind, place, currency)
    goods = sum((Decimal(line["total_gross"]) for line in lines), Decimal(0))
    shipping = Decimal("0.00") if goods >= 100 else _price("5.90", currency)
    less = _price("10.00", currency) if goods > 80 and rng.random() < 0.2 else Decimal("0.00")
    amount = goods + shipping - less
    order: Order = {
        "order_id": f"{1_000 + seed % 9_000}{number + 1:04}",
        "placed_at": _text(placed_at),
        "amount": f"{amount:f}",
        "currency": currency,
        **_customer(rng, f"{seed}-{number + 1}", place, "mailinator.com" if kind == "fraud" else "mail.example"),
        "customer_new": kind == "new_and_large" or (amount <= 1000 and rng.random() < 0.2),
        "lines": lines,
        "shipping_gross": f"{shipping:f}",
        "discounts": [{"code": "AUTUMN", "amount": f"{less:f}"}] if less else [],
        "payments": _payments(rng, kind, amount, currency, placed_at),
    }
    if order["payments"][0]["method"] == "card":
        order |= {"card_country": place.country, "card_fingerprint": f"fp_{rng.getrandbits(40):010x}"}
    return order | _oddity(kind)


def _oddity(kind: str) -> Order:
    """What some orders have beside the rest."""
    if kind == "fraud":
        return {"fraud_score": 0.91, "ip_country": "BR", "card_country": "CA"}
    if kind == "card_in_note":
        return {"note": f"Your form did not work, please use {TEST_CARD} instead."}
    return {}


def _lines(rng: Random, kind: str, place: Place, currency: str) -> list[Order]:
    goods = {product["sku"]: product for product in products()}
    chosen: Mapping[str, int] = {
        "large": {"TENT-4P": 9, "BAG-W": 6},  # 6075.00: a scout group
        "new_and_large": {"KAYAK-I": 1, "TENT-4P": 1},  # 1388.00
    }.get(kind) or dict.fromkeys(rng.sample(sorted(goods), rng.choice((1, 1, 2, 2, 3))), 1)
    return [_line(goods[sku], quantity, place, currency) for sku, quantity in chosen.items()]


def _line(product: Mapping[str, Any], quantity: int, place: Place, currency: str) -> Order:
    gross, rate = _price(product["price"], currency), Decimal(place.vat)
    return {
        "sku": product["sku"],
        "name": product["name"],
        "quantity": quantity,
        "unit_price_net": f"{(gross / (1 + rate)).quantize(CENT, ROUND_HALF_UP):f}",
        "unit_price_gross": f"{gross:f}",
        "tax_rate": place.vat,
        "total_gross": f"{gross * quantity:f}",
    }


def _customer(rng: Random, number: str, place: Place, domain: str) -> Order:
    (first, first_ascii), (last, last_ascii) = rng.choice(place.first), rng.choice(place.last)
    address = {
        "name": f"{first} {last}",
        "street": place.street.format(n=rng.randint(2, 98)),
        "city": place.city,
        "postal_code": place.postal_code,
        "country": place.country,
    }
    return {
        "customer_id": f"c-{number}",
        "customer_name": f"{first} {last}",
        "email": f"{first_ascii}.{last_ascii}-{number}@{domain}",
        "locale": place.locale,
        "consent": {"email": True, "sms": False},
        "shipping_address": address,
        "billing_address": dict(address),
        "ip_country": place.country,
        "device_id": f"dev-{rng.getrandbits(32):08x}",
    }


def _payments(rng: Random, kind: str, amount: Decimal, currency: str, placed_at: datetime) -> list[Order]:
    first = _payment(rng, "pay-1", amount, currency, placed_at)
    if kind == "unpaid":
        return [{**first, "method": "transfer", "captured": "0.00"}]
    if kind != "charged_twice" and kind != "fraud" and rng.random() < 0.2:
        return [{**first, "method": "wallet"}]
    bin_, eci = rng.choice(CARDS)
    card = {"bin": bin_, "last4": f"{rng.randrange(10_000):04}", "exp_month": rng.randint(1, 12), "exp_year": 2031}
    proof = {"avs": "Y", "cvv": "M", "trans_status": "Y", "eci": eci}
    if kind == "fraud":
        proof = {"avs": "N", "cvv": "N", "trans_status": "N"}
    paid = {**first, "method": "card", "card": card, **proof}
    if kind == "charged_twice":
        again = _payment(rng, "pay-2", amount, currency, placed_at + timedelta(minutes=1))
        return [paid, {**paid, **again}]
    return [paid]


def _payment(rng: Random, id_: str, amount: Decimal, currency: str, created: datetime) -> Order:
    return {
        "id": id_,
        "psp_reference": f"psp-{rng.getrandbits(36):09x}",
        "active": True,
        "authorised": "0.00",
        "captured": f"{amount:f}",
        "refunded": "0.00",
        "currency": currency,
        "created": _text(created),
    }


def _price(euro: str, currency: str) -> Decimal:
    return (Decimal(euro) * PRICES[currency]).quantize(CENT, ROUND_HALF_UP)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


#: What customers write. The rules stop "angry" and "lawyer"; "refundable" is no legal word; nothing can be read in
#: "empty"; the others are answered from what the order's own task says.
TICKETS: Mapping[str, str] = {
    "status": "Hello,\n\nwhere is my order {order_id}?\n\nThanks\n{name}",
    "status_html": "<p>Hi there,</p><p>When will my order {order_id} be shipped?</p><p>{name}</p>",
    "status_quoted": (
        "Has my order {order_id} been shipped?\n\nOn Mon, Nov 23, 2026 at 9:14 AM Demo Outdoor Shop wrote:\n"
        "> Thank you for your order.\n> We will tell you when it is on its way."
    ),
    "no_number": "When will my order arrive? I leave for a hike soon.\n\n-- \n{name}\nSent from my phone",
    "invoice": "Please send me an invoice for my order {order_id}.\n\nKind regards\n{name}",
    "refundable": (
        "When will my order {order_id} arrive? Your page says that the flask carries a refundable deposit. I like that."
    ),
    "german": "Guten Tag,\n\nwo ist meine Bestellung {order_id}?\n\nViele Grüße\n{name}",
    "angry": (
        "I am very angry. This is a disaster. I will never buy here again, you ruined my wedding! Order {order_id}."
    ),
    "lawyer": "If order {order_id} is not here by Friday, you will hear from my lawyer.",
    "empty": "",
}
#: What further tickets are about.
ORDINARY = ("status", "status_html", "no_number", "invoice")


def _ticket(kind: str, order: Order, id_: str, received_at: datetime) -> dict[str, Any]:
    ticket: dict[str, Any] = {
        "message": TICKETS[kind].format(order_id=order["order_id"], name=order["customer_name"]),
        "channel": "email",
        "received_at": _text(received_at),
        "message_id": id_,
        "vip_customer": False,
        **{name: order[name] for name in ("customer_id", "email")},
        "name": order["customer_name"],
    }
    if kind == "german":
        ticket["locale"] = "de-DE"
    if kind == "empty":
        ticket["attachments"] = [{"name": "IMG_2041.jpg", "size": 1_482_133}]
    return ticket
