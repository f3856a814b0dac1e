"""Words by which a ticket shows how many it hits and how soon it must be dealt with. A tenant may add its own.

A cue is a phrase; its words match in every inflection, and "*" stands for up to three words between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Cues:
    """The phrases of one language.

    `many`: several customers are hit, or payments or login are down; `unusable`: one customer cannot use what was
    bought; `safety`: someone may come to harm, unless a word of `denial` stands just before; `blocked`: the
    customer cannot go on, unless one of `workaround` is said; `demand` makes a time in its sentence a deadline;
    `days` are words for a day, by how many days from now; `hours` are words for hours.
    """

    many: tuple[str, ...]
    unusable: tuple[str, ...]
    safety: tuple[str, ...]
    denial: tuple[str, ...]
    blocked: tuple[str, ...]
    workaround: tuple[str, ...]
    demand: tuple[str, ...]
    days: Mapping[str, int]
    weekdays: tuple[str, ...]
    hours: tuple[str, ...]

    def plus(self, added: Mapping[str, tuple[str, ...]]) -> Cues:
        """These cues and a tenant's own, by the name of the list."""
        lists: dict[str, Any] = {name: (*getattr(self, name), *phrases) for name, phrases in added.items()}
        return replace(self, **lists)


# The lists that a tenant may add to.
ADDABLE = ("many", "unusable", "safety", "blocked", "workaround", "demand")

ENGLISH = Cues(
    many=(
        "all users", "all customers", "all our customers", "several customers", "many customers",
        "multiple customers", "other customers too", "our customers", "for everyone", "everyone here",
        "everybody here", "all of us",
        "nobody can", "no one can", "whole team", "entire team", "whole company", "entire office",
        "payments * down", "payments * fail", "payment system * down", "checkout * down", "checkout * fails",
        "checkout * broken", "checkout * not work", "login * down", "login * fails for", "login * broken",
        "login page * down", "website * down", "site * down", "shop * down", "outage",
    ),
    unusable=(
        "cannot use", "can't use", "can not use", "unusable", "not work", "doesn't work", "don't work",
        "won't work", "didn't work", "stopped working", "not turn on", "won't turn on", "doesn't turn on",
        "won't start", "not start", "doesn't start", "broken", "broke", "defective", "faulty", "damaged",
        "never arrived", "not arrived", "hasn't arrived", "haven't arrived", "lost", "wrong item",
        "cannot log in", "can't log in", "cannot login", "can't login",
    ),
    safety=(
        "fire", "smoke", "smoking", "burn", "burnt", "burning", "sparks", "electric shock", "got a shock",
        "explode", "exploded", "explosion", "overheating", "overheats", "injured", "injury", "hurt myself",
        "bleeding", "hospital", "allergic", "poison", "poisoned", "poisonous", "gas leak", "leaking gas",
        "choke", "choking", "choked", "swallowed", "dangerous", "danger", "unsafe",
    ),
    denial=("no", "not", "never", "without", "nobody", "isn't", "wasn't", "aren't", "didn't", "don't", "doesn't"),
    blocked=(
        "blocked", "stuck", "cannot continue", "can't continue", "cannot work", "can't work", "unable to",
        "cannot log in", "can't log in", "cannot login", "can't login", "locked out", "cannot pay", "can't pay",
        "cannot order", "can't order", "cannot access", "can't access", "no workaround", "nothing works",
        "tried everything",
    ),
    workaround=(
        "workaround works", "found a workaround", "have a workaround", "for now i use", "in the meantime i",
        "another way", "not urgent", "no rush", "no hurry",
    ),
    demand=(
        "need", "must", "have to", "has to", "by", "before", "until", "deadline", "due", "latest",
        "no later than", "within", "urgently", "in time",
    ),
    days={
        "today": 0, "tonight": 0, "this morning": 0, "this afternoon": 0, "this evening": 0, "end of day": 0,
        "eod": 0, "tomorrow": 1,
    },
    weekdays=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    hours=("hour", "hours", "hrs", "h"),
)  # fmt: skip

GERMAN = Cues(
    many=(
        "alle Nutzer", "alle Kunden", "mehrere Kunden", "viele Kunden", "unsere Kunden", "alle Kollegen",
        "das ganze Team", "die ganze Firma", "niemand kann", "keiner kann", "Zahlungen * nicht",
        "Kasse * nicht", "Anmeldung * nicht", "Login * nicht", "Shop * nicht erreichbar",
        "Webseite * nicht erreichbar", "Ausfall",
    ),
    unusable=(
        "funktioniert nicht", "geht nicht", "nicht benutzen", "nicht nutzen", "unbrauchbar", "kaputt", "defekt",
        "beschädigt", "startet nicht", "lässt sich nicht einschalten", "nicht angekommen", "nie angekommen",
        "verloren", "falscher Artikel", "falschen Artikel", "nicht anmelden", "nicht einloggen",
    ),
    safety=(
        "Feuer", "Brand", "brennt", "gebrannt", "Rauch", "raucht", "Funken", "Stromschlag", "explodiert",
        "Explosion", "überhitzt", "verletzt", "Verletzung", "blutet", "Krankenhaus", "allergisch", "Gift",
        "vergiftet", "Gas riecht", "verschluckt", "gefährlich", "Gefahr",
    ),
    denial=("kein", "keine", "keinen", "nicht", "nie", "ohne", "niemand"),
    blocked=(
        "blockiert", "komme nicht weiter", "kann nicht arbeiten", "nicht anmelden", "nicht einloggen",
        "ausgesperrt", "gesperrt", "nicht bezahlen", "nicht bestellen", "alles versucht", "kein Zugriff",
    ),
    workaround=("eilt nicht", "nicht dringend", "keine Eile", "anders gelöst", "vorerst nutze ich"),
    demand=("brauche", "brauchen", "benötige", "benötigen", "muss", "bis", "spätestens", "vor", "innerhalb",
            "Frist", "dringend", "rechtzeitig"),
    days={"heute": 0, "heute abend": 0, "morgen": 1},
    weekdays=("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"),
    hours=("stunde", "stunden", "std", "h"),
)  # fmt: skip

CUES: Mapping[str, Cues] = {"en": ENGLISH, "de": GERMAN}
