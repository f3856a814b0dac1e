"""Approved pieces of replies and the phrases around them, by language. A tenant may bring its own.

A snippet promises nothing and states only facts: each {placeholder} is the key of one. `questions` are ways to ask for
it; they are searched together with the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """One paragraph that answers a question."""

    id: str
    category: str
    text: str
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phrases:
    """What stands around the answers. `greeting` takes {name}, `next_step` {deadline}, `subject` {order_id}."""

    greeting: str
    greeting_all: str
    acknowledgement: str
    warm: str
    next_step: str
    close: str
    subject: str
    subject_plain: str


ENGLISH = (
    Snippet(
        "shipped", "order_status",
        "Your order {order_id} left our warehouse on {shipped_at}. It should arrive on {delivery_date}.",
        ("where is my order", "has my order been shipped", "when will my order arrive", "track my parcel"),
    ),
    Snippet(
        "planned", "order_status",
        "Your order {order_id} is being prepared. We plan to ship it on {ship_date}, and it should arrive by {latest}.",
        ("where is my order", "when will my order ship", "has my order been shipped", "when will my order arrive",
         "order status", "my order has not arrived"),
    ),
    Snippet(
        "tracking", "delivery", "You can follow the parcel with the tracking number {tracking_number}.",
        ("tracking number", "track my parcel", "follow my package", "where is my parcel"),
    ),
    Snippet(
        "new_date", "delivery", "The delivery of your order {order_id} is now planned for {new_date}.",
        ("why is my delivery late", "when will it be delivered", "my parcel has not arrived", "where is my order"),
    ),
    Snippet(
        "address_closed", "delivery",
        "The delivery address can no longer be changed, because the parcel left on {shipped_at}.",
        ("can I change the delivery address", "wrong shipping address"),
    ),
    Snippet(
        "address_open", "delivery",
        "The delivery address can be changed until {address_change_until}. You find it in your account.",
        ("can I change the delivery address", "wrong shipping address"),
    ),
    Snippet(
        "invoice", "payment", "You find the invoice {invoice_number} here: {invoice_link}",
        ("please send me an invoice", "I need a bill with VAT", "where is my invoice", "receipt"),
    ),
    Snippet(
        "payment_received", "payment", "We received your payment of {paid} on {paid_at}.",
        ("did you receive my payment", "has my payment arrived"),
    ),
    Snippet(
        "charged_once", "payment", "Our records show one charge of {paid} on {paid_at}.",
        ("why was I charged twice", "you charged my card twice"),
    ),
    Snippet(
        "refund_decided", "refund",
        "The refund of {refund} for your order {order_id} was decided on {refund_decided_at}.",
        ("when do I get my refund", "I want a refund", "where is my money"),
    ),
    Snippet(
        "return_how", "refund", "You can print the return label here: {return_link}",
        ("how do I return an item", "I want to send it back", "I need a return label"),
    ),
    Snippet(
        "in_stock", "product", "{product} is available in {variants}.",
        ("is it available in my size", "which colours do you have", "is it in stock"),
    ),
    Snippet(
        "reset", "account", "You can set a new password here: {password_link}",
        ("I cannot log in", "forgot my password", "reset my password", "the password link has expired"),
    ),
    Snippet(
        "steps", "technical", "Please try this first: {steps}",
        ("it does not work", "the app crashes", "I see an error", "how do I fix it", "it does not turn on"),
    ),
    Snippet(
        "cancel_open", "cancellation", "Your order {order_id} can be cancelled in your account until {cancel_until}.",
        ("can I cancel my order", "I want to cancel", "please cancel my order"),
    ),
    Snippet(
        "contract_end", "cancellation", "Your contract ends on {contract_end}.",
        ("I want to cancel my subscription", "when does my contract end"),
    ),
    Snippet(
        "hours", "other", "We are open {opening_hours}.",
        ("what are your opening hours", "when are you open"),
    ),
)  # fmt: skip

GERMAN = (
    Snippet(
        "shipped", "order_status",
        "Ihre Bestellung {order_id} hat unser Lager am {shipped_at} verlassen. "
        "Sie kommt voraussichtlich am {delivery_date} an.",
        ("wo ist meine Bestellung", "wurde meine Bestellung versandt", "wann kommt mein Paket"),
    ),
    Snippet(
        "planned", "order_status",
        "Ihre Bestellung {order_id} wird gerade vorbereitet. Der Versand ist für den {ship_date} geplant, "
        "die Lieferung bis zum {latest}.",
        ("wo ist meine Bestellung", "wann wird meine Bestellung verschickt", "wurde meine Bestellung versandt",
         "wann kommt meine Bestellung an", "Stand meiner Bestellung", "wann kommt mein Paket"),
    ),
    Snippet(
        "tracking", "delivery", "Mit der Sendungsnummer {tracking_number} können Sie Ihr Paket verfolgen.",
        ("Sendungsnummer", "Paket verfolgen", "wo ist mein Paket"),
    ),
    Snippet(
        "new_date", "delivery", "Die Lieferung Ihrer Bestellung {order_id} ist jetzt für den {new_date} geplant.",
        ("warum ist meine Lieferung verspätet", "mein Paket ist nicht angekommen", "wo ist meine Bestellung"),
    ),
    Snippet(
        "address_closed", "delivery",
        "Die Lieferadresse kann nicht mehr geändert werden, weil das Paket am {shipped_at} verschickt wurde.",
        ("kann ich die Lieferadresse ändern", "falsche Adresse"),
    ),
    Snippet(
        "invoice", "payment", "Die Rechnung {invoice_number} finden Sie hier: {invoice_link}",
        ("bitte schicken Sie mir eine Rechnung", "wo ist meine Rechnung"),
    ),
    Snippet(
        "payment_received", "payment", "Wir haben Ihre Zahlung von {paid} am {paid_at} erhalten.",
        ("ist meine Zahlung angekommen", "haben Sie meine Zahlung erhalten"),
    ),
    Snippet(
        "refund_decided", "refund",
        "Die Erstattung von {refund} für Ihre Bestellung {order_id} wurde am {refund_decided_at} beschlossen.",
        ("wann bekomme ich mein Geld zurück", "ich möchte eine Erstattung"),
    ),
    Snippet(
        "return_how", "refund", "Das Rücksendeetikett finden Sie hier: {return_link}",
        ("wie sende ich einen Artikel zurück", "ich brauche ein Rücksendeetikett"),
    ),
    Snippet(
        "reset", "account", "Ein neues Passwort können Sie hier festlegen: {password_link}",
        ("ich kann mich nicht anmelden", "Passwort vergessen"),
    ),
    Snippet(
        "steps", "technical", "Bitte versuchen Sie zuerst Folgendes: {steps}",
        ("es funktioniert nicht", "die App stürzt ab", "ich sehe einen Fehler"),
    ),
    Snippet(
        "cancel_open", "cancellation",
        "Ihre Bestellung {order_id} kann bis {cancel_until} in Ihrem Konto storniert werden.",
        ("kann ich meine Bestellung stornieren", "bitte stornieren Sie meine Bestellung"),
    ),
    Snippet(
        "contract_end", "cancellation", "Ihr Vertrag endet am {contract_end}.",
        ("ich möchte meinen Vertrag kündigen", "wann endet mein Abo"),
    ),
)  # fmt: skip

SNIPPETS: Mapping[str, tuple[Snippet, ...]] = {"en": ENGLISH, "de": GERMAN}

PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        greeting="Hello {name},",
        greeting_all="Hello,",
        acknowledgement="Thank you for telling us so openly. We have read every word of it.",
        warm="Thank you for your patience.",
        next_step="You will hear from us again by {deadline}.",
        close="Kind regards",
        subject="Your order {order_id}",
        subject_plain="Your message to us",
    ),
    "de": Phrases(
        greeting="Guten Tag {name},",
        greeting_all="Guten Tag,",
        acknowledgement="vielen Dank für Ihre offenen Worte. Wir haben sie genau gelesen.",
        warm="Vielen Dank für Ihre Geduld.",
        next_step="Sie hören bis {deadline} wieder von uns.",
        close="Freundliche Grüße",
        subject="Ihre Bestellung {order_id}",
        subject_plain="Ihre Nachricht an uns",
    ),
}
