"""What tickets are about: the topics, each with seed phrases by language. A tenant may bring its own list.

The phrases of a topic count as one example of it, so a tenant without history can start. They are about equally
long: a topic with few words would draw every text that has one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

OTHER = "other"

ENGLISH: Mapping[str, tuple[str, ...]] = {
    "order_status": (
        "where is my order", "order status", "what is the status of my order", "has my order been shipped",
        "when will my order ship", "track my order", "order confirmation not received", "still processing",
        "expected dispatch date", "did you get my order", "any news of my order",
        "where is it", "order not shipped yet", "status of order number",
    ),
    "delivery": (
        "my parcel has not arrived", "package lost", "courier left the parcel with a neighbour",
        "delivery address change", "late delivery", "delivered to the wrong address", "tracking says delivered",
        "missing item in the box", "carrier driver did not ring", "shipping cost abroad", "parcel damaged in transit",
        "change the delivery address", "which day is it delivered",
    ),
    "refund": (
        "I want a refund", "money back", "return the shoes", "how do I return an item", "return label",
        "refund has not reached my bank account", "send it back", "withdraw from the purchase", "exchange the size",
        "reimburse me", "when do I get my refund", "returned goods not refunded", "refund amount is wrong",
    ),
    "payment": (
        "my card was declined", "charged twice", "invoice", "payment failed", "VAT number on the invoice",
        "credit card error at checkout", "double charge on my bank statement", "PayPal payment pending",
        "discount code not accepted", "pay by bank transfer", "wrong amount charged", "send me an invoice",
        "card charged but no order", "receipt",
    ),
    "product": (
        "is it available in size 42", "which colour", "what material is it made of", "does it fit",
        "back in stock", "product dimensions and weight", "compatible with", "ingredients and allergens",
        "care instructions washing", "difference between the models", "spare parts for this product", "which size fits",
        "what is the material", "does it come in another colour", "is the product suitable for",
    ),
    "technical": (
        "the website shows an error", "app crashes", "page does not load", "error code 500", "bug",
        "device does not turn on", "connection fails", "update broke it", "button does nothing",
        "screen stays blank", "sync not working", "it stopped working", "will not turn on",
        "error message when I open it", "how do I set it up", "crashes every time",
    ),
    "account": (
        "I cannot log in", "forgot my password", "reset password link expired", "change my email address",
        "delete my account", "two factor code", "locked out of my account", "update my profile", "sign in",
        "username unknown", "personal data privacy request", "login does not accept my password", "account blocked",
        "register an account",
    ),
    "cancellation": (
        "cancel my order", "cancel my subscription", "terminate my contract", "I want to cancel",
        "end my membership", "stop the renewal", "unsubscribe me from the plan", "cancellation notice period",
        "do not ship it any more", "close my plan", "please cancel order", "cancel it before it ships",
        "cancel the delivery", "cancel my account plan", "how to cancel", "cancelled by mistake",
    ),
    "complaint": (
        "I am very disappointed", "rude staff", "bad service", "this is unacceptable", "I want to complain",
        "third time I write", "worst experience", "nobody answers me", "I am angry", "poor quality",
        "never buy here again", "formal complaint to the manager", "your service is terrible", "no reply for weeks",
        "very unhappy", "ashamed of you",
    ),
    OTHER: (
        "thank you", "great job", "general question about your company", "press enquiry", "job application",
        "partnership proposal", "opening hours of the store", "newsletter", "gift idea", "happy holidays",
        "where are you located", "thanks for your help", "it is solved now", "all good now", "just a suggestion",
    ),
}  # fmt: skip

GERMAN: Mapping[str, tuple[str, ...]] = {
    "order_status": (
        "wo ist meine Bestellung", "Status meiner Bestellung", "wurde meine Bestellung versandt",
        "wann wird meine Bestellung verschickt", "Bestellung verfolgen", "Bestellbestätigung nicht erhalten",
        "noch in Bearbeitung", "voraussichtlicher Versand",
    ),
    "delivery": (
        "mein Paket ist nicht angekommen", "Paket verloren", "Paketbote beim Nachbarn abgegeben",
        "Lieferadresse ändern", "verspätete Lieferung", "an die falsche Adresse geliefert",
        "Sendungsverfolgung sagt zugestellt", "Artikel fehlt im Karton", "Versandkosten Ausland",
    ),
    "refund": (
        "ich möchte mein Geld zurück", "Erstattung", "Rückgabe", "wie sende ich einen Artikel zurück",
        "Rücksendeetikett", "Rückerstattung nicht auf meinem Konto", "Widerruf", "Größe umtauschen",
        "Retoure zurückschicken",
    ),
    "payment": (
        "meine Karte wurde abgelehnt", "doppelt abgebucht", "Rechnung", "Zahlung fehlgeschlagen",
        "Umsatzsteuer auf der Rechnung", "Fehler bei der Kreditkarte an der Kasse", "Kontoauszug",
        "Gutschein wird nicht angenommen", "per Überweisung bezahlen", "falscher Betrag",
    ),
    "product": (
        "gibt es das in Größe 42", "welche Farbe", "aus welchem Material", "passt das", "wieder lieferbar",
        "Maße und Gewicht des Produkts", "kompatibel mit", "Inhaltsstoffe und Allergene", "Pflegehinweise",
        "Unterschied der Modelle", "Ersatzteile für dieses Produkt",
    ),
    "technical": (
        "die Webseite zeigt einen Fehler", "App stürzt ab", "Seite lädt nicht", "Fehlercode 500",
        "Gerät lässt sich nicht einschalten", "Verbindung bricht ab", "Knopf reagiert nicht",
        "Bildschirm bleibt schwarz", "funktioniert nicht mehr", "Update kaputt",
    ),
    "account": (
        "ich kann mich nicht anmelden", "Passwort vergessen", "Link zum Zurücksetzen abgelaufen",
        "E-Mail-Adresse ändern", "Konto löschen", "Code für die Anmeldung", "Zugang gesperrt", "Profil",
        "Benutzername unbekannt", "Auskunft über meine Daten",
    ),
    "cancellation": (
        "Bestellung stornieren", "Abo kündigen", "Vertrag kündigen", "ich möchte kündigen",
        "Mitgliedschaft beenden", "Verlängerung stoppen", "Kündigungsfrist", "bitte nicht mehr liefern",
        "Storno",
    ),
    "complaint": (
        "ich bin sehr enttäuscht", "unfreundliches Personal", "schlechter Service", "das ist inakzeptabel",
        "ich möchte mich beschweren", "zum dritten Mal", "schlimmste Erfahrung", "niemand antwortet",
        "ich bin wütend", "schlechte Qualität", "nie wieder", "Beschwerde",
    ),
    OTHER: (
        "vielen Dank", "gut gemacht", "allgemeine Frage zu Ihrem Unternehmen", "Presseanfrage", "Bewerbung",
        "Zusammenarbeit", "Öffnungszeiten des Ladens", "Newsletter", "Geschenkidee", "frohe Feiertage",
    ),
}  # fmt: skip

TOPICS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"en": ENGLISH, "de": GERMAN}
