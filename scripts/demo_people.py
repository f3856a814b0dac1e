"""Who shops on the demo day: made-up people in European places, in the scripts in which they write."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A town: its country's standard VAT rate, the locale of its people, and their names as (written, in ASCII)."""

    country: str
    city: str
    postal_code: str
    street: str
    locale: str
    vat: str
    first: tuple[tuple[str, str], ...]
    last: tuple[tuple[str, str], ...]


def _names(text: str) -> tuple[tuple[str, str], ...]:
    """ "Müller/mueller Weber" as pairs."""
    pairs = (word.partition("/") for word in text.split())
    return tuple((name, ascii_name or name.casefold()) for name, _, ascii_name in pairs)


def _place(country: str, city: str, postal_code: str, street: str, locale: str, vat: str, *names: str) -> Place:
    return Place(country, city, postal_code, street, locale, vat, _names(names[0]), _names(names[1]))


PLACES = (
    _place("DE", "Berlin", "10115", "Chausseestraße {n}", "de-DE", "0.19", "Anna Jonas Lea Paul",
           "Müller/mueller Weber Schäfer/schaefer Brandt"),
    _place("DE", "München", "80331", "Sendlinger Straße {n}", "de-DE", "0.19", "Clara Felix Greta Emil",
           "Bauer Huber Vogt Krämer/kraemer"),
    _place("DE", "Leipzig", "04109", "Gottschedstraße {n}", "de-DE", "0.19", "Ida Max Nele Theo",
           "Richter Jahn Pohl Böhme/boehme"),
    _place("AT", "Graz", "8010", "Sporgasse {n}", "de-AT", "0.20", "Eva Lukas Johanna Simon",
           "Gruber Steiner Moser Pichler"),
    _place("FR", "Lyon", "69002", "{n} rue de la République", "fr-FR", "0.20", "Camille Hugo Élise/elise Louis",
           "Bernard Lefèvre/lefevre Moreau Garnier"),
    _place("FR", "Rennes", "35000", "{n} rue de Saint-Malo", "fr-FR", "0.20", "Jeanne Léo/leo Margaux Noé/noe",
           "Girard Roux Fournier Mercier"),
    _place("NL", "Utrecht", "3511 LH", "Oudegracht {n}", "nl-NL", "0.21", "Sanne Daan Lotte Bram",
           "Jansen Visser Bakker Mulder"),
    _place("BE", "Gent", "9000", "Veldstraat {n}", "nl-BE", "0.21", "Elke Wout Fien Jef",
           "Peeters Claes Maes Wouters"),
    _place("PL", "Kraków", "31-019", "ul. Floriańska {n}", "pl-PL", "0.23", "Zofia Jakub Łucja/lucja Michał/michal",
           "Nowak Wójcik/wojcik Zieliński/zielinski Król/krol"),
    _place("CZ", "Brno", "602 00", "Veveří {n}", "cs-CZ", "0.21", "Jana Tomáš/tomas Lucie Jiří/jiri",
           "Novák/novak Dvořák/dvorak Černý/cerny Beneš/benes"),
    _place("ES", "Granada", "18009", "Calle Reyes Católicos {n}", "es-ES", "0.21", "Lucía/lucia Pablo Inés/ines Mateo",
           "García/garcia Romero Núñez/nunez Molina"),
    _place("IT", "Torino", "10121", "Via Roma {n}", "it-IT", "0.22", "Giulia Marco Chiara Luca",
           "Rossi Ferrari Bianchi Greco"),
    _place("GR", "Θεσσαλονίκη", "546 24", "Τσιμισκή {n}", "el-GR", "0.24",
           "Μαρία/maria Γιώργος/giorgos Ελένη/eleni Νίκος/nikos",
           "Παπαδόπουλος/papadopoulos Γεωργίου/georgiou Βασιλείου/vasileiou Οικονόμου/oikonomou"),
    _place("BG", "София", "1000", "ул. Граф Игнатиев {n}", "bg-BG", "0.20",
           "Елена/elena Иван/ivan Мария/maria Петър/petar",
           "Иванов/ivanov Петров/petrov Димитров/dimitrov Стоянов/stoyanov"),
    _place("FI", "Tampere", "33100", "Hämeenkatu {n}", "fi-FI", "0.255", "Aino Eero Helmi Onni",
           "Virtanen Korhonen Mäkinen/makinen Laine"),
)  # fmt: skip

#: Outside the customs union: no VAT is charged on what leaves it.
BOSTON = _place("US", "Boston", "02108", "{n} Charles Street", "en-US", "0", "Emily Noah Grace Owen",
                "Miller Parker Hughes Bennett")  # fmt: skip
BASEL = _place("CH", "Basel", "4051", "Freie Strasse {n}", "de-CH", "0", "Regula Urs Nina Beat",
               "Keller Meier Frei Brunner")  # fmt: skip
