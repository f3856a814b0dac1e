"""The words that carry grammar and no subject: what a search or a classifier leaves out.

English is written out below by word class, because the English list of the library stop-words (1333 words)
holds "order", "invoice" and other words that a ticket is about; ours stays within the closed classes, as the
Snowball project's English list does. Other languages use the library's list, which holds Snowball's.
"""

from __future__ import annotations

from functools import cache
from itertools import product

ARTICLES = "a an the"
PRONOUNS = (
    "i me my mine myself you your yours yourself yourselves he him his himself she her hers herself "
    "it its itself we us our ours ourselves they them their theirs themselves"
)
POINTERS = "this that these those here there what which who whom whose where when why how"
AUXILIARIES = (
    "am is are was were be been being have has had having do does did doing "
    "can could will would shall should may might must ought cannot"
)
CONJUNCTIONS = "and or but nor if because as until while than so"
PREPOSITIONS = (
    "of at by for with about against between into through during before after above below to from "
    "up down in out on off over under"
)
ADVERBS = "again further then once too very just now not no only own same"
QUANTIFIERS = "all any both each few more most other some such"

# "it's", "we'll", "don't": a closed class that is built, not listed.
_SHORT_SUBJECTS = "i you he she it we they that who what where when why how here there let"
_SHORT_VERBS = "'m 're 's 've 'd 'll"
_NEGATED = "is are was were have has had do does did could would should might must need ought sha wo ca "

# ISO 639-1 codes that name a language the libraries know under another one.
ALIASES = {"no": "nb", "nn": "nb", "iw": "he", "in": "id"}


def base_language(tag: str | None) -> str | None:
    """The two-letter language of a BCP 47 tag ("de-AT" and "de_AT" give "de"); None stays None."""
    if not tag:
        return None
    code = tag.replace("_", "-").split("-", 1)[0].casefold()
    return ALIASES.get(code, code)


def _english() -> frozenset[str]:
    classes = (ARTICLES, PRONOUNS, POINTERS, AUXILIARIES, CONJUNCTIONS, PREPOSITIONS, ADVERBS, QUANTIFIERS)
    plain = " ".join(classes).split()
    short = (a + b for a, b in product(_SHORT_SUBJECTS.split(), _SHORT_VERBS.split()))
    negated = (verb + "n't" for verb in _NEGATED.split())
    return frozenset([*plain, *short, *negated])


@cache
def function_words(language: str | None) -> frozenset[str]:
    """The function words of a language (a BCP 47 tag), casefolded; none for None or a language not listed."""
    code = base_language(language)
    if code == "en":
        return _english()
    return listed_words(code) if code else frozenset()


@cache
def listed_words(code: str) -> frozenset[str]:
    """The list that the library stop-words has for an ISO 639-1 code, casefolded; empty where it has none."""
    from stop_words import LANGUAGE_MAPPING, get_stop_words

    if code not in LANGUAGE_MAPPING:
        return frozenset()
    return frozenset(word.casefold() for word in get_stop_words(code))
