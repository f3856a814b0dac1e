"""What in a reply binds the shop: words of promising and of admitting fault, and the actions that allow them.

The patterns are stems in seven languages, searched in folded text (small letters, straight apostrophes). They are
wide on purpose: a sentence that only mentions a refund is shown to a human, one that promises it must not pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LANGUAGES = frozenset(["en", "de", "fr", "es", "it", "pl", "nl"])


@dataclass(frozen=True)
class Rule:
    """`kind` of a commitment, its words, and the names of the actions that allow it; none: nothing does."""

    kind: str
    pattern: re.Pattern[str]
    actions: frozenset[str]


_WITHIN = (
    "within|in|in the|in the next|no later than|innerhalb|innerhalb von|binnen|in den|in den nächsten|dans|dans les"
    "|sous|en|dentro de|entro|w ciągu"
)
_NUMBERS = (
    "an?|one|two|three|four|five|six|seven|ten|fourteen|thirty|einem|einer|eines|zwei|drei|vier|fünf|sieben|zehn"
    "|vierzehn"
)
_WORKING = "(?:working |business |calendar )"
_UNITS = (
    "minute|hour|day|week|month|stunde|tag|woche|monat|arbeitstag|werktag|heure|jour|semaine|día|hora|giorn|ore"
    "|dni|godzin|dag|uur|weken"
)


def _rule(kind: str, actions: str, *patterns: str) -> Rule:
    return Rule(kind, re.compile("|".join(patterns)), frozenset(actions.split()))


RULES = (
    _rule(
        "refund",
        "refund refund_excess goodwill",
        r"\brefund(?:s|ed|ing)?\b(?! (?:polic|request|form|rules|terms|department|team))",
        r"\breimburs\w+",
        r"\b(?:money|amount|payment) back\b",
        r"\bpay (?:you |it )?back\b",
        r"\b(?:re)?credit(?:ed)? (?:it )?(?:back )?to your\b",
        r"erstatt\w+",
        r"\bgeld zurück\b",
        r"\brembours\w+",
        r"\breembols\w+",
        r"\bdevolver\w* (?:el|su) (?:dinero|importe)\b",
        r"\brimbors\w+",
        r"\bzwr(?:ot|óci)\w* (?:pieni|środk|koszt|kwot|za)\w*",
        r"\bterugbeta\w+",
        r"\bterugstort\w+",
    ),
    _rule(
        "compensation",
        "goodwill compensate make_offer voucher",
        r"\bcompensat\w+",
        r"\b(?:voucher|gift card|store credit|coupon)s?\b",
        r"\b(?:give|offer|grant)\w* you .{0,40}\bdiscount\b",
        r"\bentschädig\w+",
        r"\bgutschein\w*",
        r"\bdédommag\w+",
        r"\bbon d'achat\b",
        r"\bcompensaci\w+",
        r"\brisarci\w+",
        r"\brekompensat\w+",
        r"\bschadevergoed\w+",
    ),
    _rule(
        "replacement",
        "replace create_shipment exchange",
        r"\b(?:send|ship|deliver|provide)\w*\b.{0,30}\b(?:replacement|new one|another one|new item)\b",
        r"\b(?:we|i)(?:'ll| will| can| shall)? (?:gladly |happily )?(?:replace|exchange)\b",
        r"\bersatz(?:lieferung|gerät|artikel)?\b.{0,30}\b(?:schick|send|liefer)\w+",
        r"\b(?:schick|send|liefer)\w+\b.{0,30}\b(?:ersatz\w*|neue[ns]?)\b",
        r"\bremplac\w+",
        r"\breemplaz\w+",
        r"\bsostitu\w+",
        r"\bwymien\w+",
        r"\bvervang\w+",
    ),
    _rule(
        "guarantee",
        "guarantee",
        r"\bguarantee(?:s|d|ing)?\b(?! (?:period|terms|conditions|card))",
        r"\b(?:we|i) promise\b",
        r"\byou have (?:our|my) word\b",
        r"\b(?:we|i) assure\b",
        r"\bgarantier\w+",
        r"\b(?:wir|ich) versprech\w+",
        r"\bversprochen\b",
        r"\bgarantiss\w+",
        r"\bgarantiz\w+",
        r"\bprometemos\b",
        r"\bpromettons\b",
        r"\bgwarantuj\w+",
        r"\bobiecuj\w+",
        r"\bgarandeer\w+",
        r"\bbeloven\b",
    ),
    _rule(
        "free of charge",
        "goodwill waive_fee free_shipping",
        r"\bfree of charge\b",
        r"\bfor free\b",
        r"\bfree (?:shipping|delivery|return|replacement|repair)\b",
        r"\bat no (?:extra |additional )?(?:cost|charge)\b",
        r"\bon the house\b",
        r"\bwaiv(?:e|ed|ing)\b",
        r"\bkostenlos\w*",
        r"\bkostenfrei\w*",
        r"\bgratis\b",
        r"\bumsonst\b",
        r"\bgratuit\w*",
        r"\bsin coste\b",
        r"\bbezpłatn\w+",
        r"\bkosteloos\b",
    ),
    _rule(
        "deadline",
        "deadline",
        rf"\b(?:{_WITHIN}) (?:\d{{1,3}}|{_NUMBERS})(?: to \d{{1,3}}|-\d{{1,3}})? {_WORKING}?(?:{_UNITS})\w*",
    ),
    _rule(
        "cancellation",
        "cancel_order cancel_subscription cancel",
        r"\b(?:we|i)(?:'ll| will| have|'ve)? (?:now )?cancel(?:led|ed)?\b",
        r"\b(?:has|have|is|are) been cancel(?:l)?ed\b",
        r"\b(?:haben|hat|wurden?|ist|sind|wird)\b.{0,60}\bstorniert\b",
    ),
    _rule(
        "fault",
        "",
        r"\b(?:our|my) (?:own )?(?:fault|mistake|error|failure|negligence|responsibility|liability)\b",
        r"\b(?:we|i)(?:'re| are| were|'m| am| was) (?:(?!not\b)\w+ )?(?:at fault|to blame|responsible|liable)\b",
        r"\b(?:we|i) (?:\w+ )?(?:accept|admit|acknowledge|take|assume)\b.{0,30}"
        r"\b(?:liability|responsibility|fault|guilt|blame)\b",
        r"\b(?:we|i) (?:made|have made) (?:a |an )?(?:\w+ )?(?:mistake|error)\b",
        r"\bunser(?:e|en|em|er)? (?:fehler|schuld|verschulden|versäumnis)\b",
        r"\bwir haften\b",
        r"\bhaftung übernehmen\b",
        r"\bübernehmen .{0,30}\b(?:haftung|verantwortung)\b",
        r"\bnotre (?:faute|erreur|responsabilité)\b",
        r"\bnuestr[ao] (?:culpa|error|responsabilidad)\b",
        r"\bnostra (?:colpa|responsabilità)\b",
        r"\bnostro errore\b",
        r"\bnasz(?:a|ej|ego)? (?:win|błęd|błąd)\w*",
        r"\bonze (?:fout|schuld)\b",
    ),
)

# A commitment is none when it is denied. A denied verb may stand up to three words before it ("cannot give you a
# refund"), but not with a new promise between ("do not worry, we will"); a denied noun stands at most one word before
# ("no full refund", yet "no doubt your refund is coming" is a promise).
DENIED_VERB = (
    r"not able to|not(?! only| just| hesitate| fail)|cannot(?! wait)|can't(?! wait)|won't|unable to|never|isn't|aren't"
    r"|don't|doesn't|nicht(?! nur)|nie|pas|jamais|nunca|non(?! solo)|nie(?! tylko)|niet(?! alleen)|nooit"
)
DENIED_NOUN = r"no|without|kein(?:e|en|er|em)?|ohne|aucun\w*|sans|ningun\w*|sin|nessun\w*|żad\w+|bez|geen"
NEW_PROMISE = r"we|i|will|shall|but|wir|ich|werden?|sondern|nous|je|mais"
