"""The brief of a request: six short sections for the person who decides. It states, quotes and never advises.

What others wrote is quoted. Every number in our own words, and in the role's recommendation, is checked against the
facts (`check_claims`): a line of ours that nothing supports is left out, a recommendation's is named as unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any

from events.jsontext import canonical
from shared.tools.claims import check_claims
from shared.tools.fact_index import FactIndex
from shared.tools.money import Money
from shared.tools.review_queue import DelayLoss
from shared.tools.review_request import ReviewRequest, scalars
from shared.tools.statistics import modified_z
from shared.tools.track_record import TrackRecord

#: A value is unusual when its modified z exceeds this, given so many values (Iglewicz and Hoaglin 1993).
UNUSUAL, FEWEST_VALUES = 3.5, 10
LONGEST_QUOTE = 600
_MARK = '"'
_QUOTED = re.compile("“[^”]*”")
_PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,12})?( [A-Z]{3})?")
TITLES = (
    "What is asked",
    "Why it stopped",
    "What the role recommends",
    "What is at stake",
    "What speaks for and against",
    "What is missing",
)
IF_APPROVED = {
    "work": "the task goes back to its role, which does the work.",
    "accept": "what the role found stands, and the task goes on.",
}
IF_EXPIRED = {
    "approval": "the task goes on to the exceptions, and a person is asked again.",
    "exception": "the task ends as failed.",
}


@dataclass(frozen=True, slots=True)
class Deviation:
    """How a value stands to the `n` earlier ones of the same currency; `z` is None where it cannot be told."""

    name: str
    value: Money
    whose: str
    n: int
    median: Money | None
    z: float | None

    @property
    def unusual(self) -> bool:
        """Whether it deviates."""
        return self.z is not None and abs(self.z) > UNUSUAL


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `lines` are sentences."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """The sections in their order, how many claims they make, and those that no fact supports."""

    sections: tuple[Section, ...]
    claims: int
    unsupported: tuple[str, ...]

    @property
    def supported_share(self) -> float:
        """Supported claims of all, 1 when there are none."""
        return 1 - len(self.unsupported) / self.claims if self.claims else 1.0


@dataclass
class _Writer:
    """Collects lines and facts; a value that a line states is stated through `say`."""

    facts: FactIndex = field(default_factory=lambda: FactIndex(frozenset()))
    claims: int = 0
    unsupported: list[str] = field(default_factory=list)

    def know(self, key: str, value: object) -> None:
        """Take every single value in `value` as a fact."""
        self.facts.add({"key": path, "value": item, "source": key} for path, item in scalars(key, value))

    def say(self, key: str, value: object) -> str:
        """A value as a line states it, known from now on."""
        text = _text(value)
        self.facts.add([{"key": key, "value": text, "source": key}])
        return text

    def section(self, title: str, ours: Iterable[str], quotes: Iterable[str] = ()) -> Section:
        """Our own lines as far as the facts support them, then quotes as they are."""
        return Section(title, (*[line for line in ours if not self.check(line)], *quotes))

    def check(self, text: str) -> list[str]:
        """What a text claims outside of quotation marks and no fact supports."""
        found = check_claims(_QUOTED.sub("“”", text), self.facts)
        wrong = [claim.text for claim in found.unsupported]
        self.claims += len(found.claims)
        self.unsupported += wrong
        return wrong


def deviation(name: str, value: Money, earlier: Sequence[Money], whose: str) -> Deviation:
    """A value beside earlier ones of `whose` (a customer, the tenant); fewer than 10 decide nothing."""
    same = [float(each.amount) for each in earlier if each.currency == value.currency]
    middle = None
    z = None
    if len(same) >= FEWEST_VALUES:
        middle = Money(Decimal(repr(median(same))), value.currency).rounded()
        z = modified_z(float(value.amount), same)
    return Deviation(name, value, whose, len(same), middle, z)


def write_brief(
    request: ReviewRequest,
    facts: Iterable[Mapping[str, Any]],
    missing: Sequence[str],
    record: TrackRecord,
    deviations: Sequence[Deviation] = (),
    loss: DelayLoss | None = None,
) -> Brief:
    """The six sections. `facts` are {key, value, ...} as gathered; what they hold, and the request itself, is all
    that the brief may state."""
    writer = _Writer()
    for fact in facts:
        writer.know(str(fact["key"]), fact["value"])
    for key in ("task_data", "impact", "reasons", "action", "confidence"):
        writer.know(key, getattr(request, key))
    sections = (
        _asked(writer, request),
        _stopped(writer, request),
        _recommended(writer, request, record),
        _at_stake(writer, request, loss),
        writer.section(TITLES[4], [_deviation(writer, each) for each in deviations] or ["Nothing to compare with."]),
        writer.section(TITLES[5], [f"{', '.join(missing)}." if missing else "Nothing."]),
    )
    return Brief(sections, writer.claims, tuple(writer.unsupported))


def _asked(writer: _Writer, request: ReviewRequest) -> Section:
    """The action, and the task's own words in quotation marks."""
    task = writer.say("task", f"{request.task_type} task {request.task_id}")
    role = writer.say("role", request.role or "no role")
    ours = [f"{task}: {role} is to do its work."]
    if request.verb == "accept":
        outcome = writer.say("outcome", request.action.get("outcome", ""))
        ours = [f"{task}: the outcome {outcome} of {role} is to stand."]
    quotes = [f"It proposes {_quote(canonical(each))}." for each in request.action.get("proposals", ())]
    quotes += [f"The task's {name} says: {_quote(text)}" for name, text in request.words]
    return writer.section(TITLES[0], ours, quotes)


def _stopped(writer: _Writer, request: ReviewRequest) -> Section:
    fields = dict.fromkeys(str(each.get("field")) for each in request.reasons)
    computed = [(name, request.computed[name]) for name in fields if name in request.computed]
    return writer.section(
        TITLES[1],
        [*(_reason(writer, each) for each in request.reasons), *(_computed(writer, *each) for each in computed)],
    )


def _computed(writer: _Writer, name: str, signal: Mapping[str, Any]) -> str:
    """What a signal that the task lacked was computed from."""
    parts = []
    for each in signal.get("contributions") or ():
        shown = {str(each["signal"]): each["weight"]} if "weight" in each else each
        parts += [f"{part} {_part(writer, part, value)}" for part, value in shown.items()]
    return f"{name} was computed{': ' if parts else ''}{', '.join(parts)}."


def _part(writer: _Writer, name: str, value: object) -> str:
    rounded = round(value, 3) if isinstance(value, float | Decimal) else value
    return _value(writer, name, rounded)


def _reason(writer: _Writer, reason: Mapping[str, Any]) -> str:
    """ "amount 6200.00 EUR > 5000.00 EUR (order_high_value)", or without a limit what was found."""
    name, rule = (writer.say(key, reason.get(key) or "unknown") for key in ("field", "rule"))
    actual, limit = reason.get("actual"), reason.get("limit")
    why = f": {_quote(_text(reason['why']))}" if reason.get("why") else ""
    shown = _value(writer, "actual", actual)
    if isinstance(limit, bool) or limit is None or isinstance(limit, list | tuple | dict):
        return f"{name} {shown} ({rule}){why}"
    numbers = [each for each in (actual, limit) if isinstance(each, int | float | Decimal)]
    sign = "<" if len(numbers) == 2 and numbers[0] < numbers[1] else ">"
    return f"{name} {shown} {sign} {_value(writer, 'limit', limit)} ({rule}){why}"


def _value(writer: _Writer, key: str, value: object) -> str:
    """A number or an amount as it is, anything else in quotation marks: it may be somebody's words."""
    text = _text(value)
    plain = isinstance(value, bool) or _PLAIN.fullmatch(text)
    return writer.say(key, text) if plain else _quote(text)


def _recommended(writer: _Writer, request: ReviewRequest, record: TrackRecord) -> Section:
    """The role's own words, quoted and checked, and how often people kept what it said."""
    if not request.recommendation:
        return writer.section(TITLES[2], ["It has not worked on this yet: there is no recommendation."])
    said = _text(request.recommendation)[:LONGEST_QUOTE]
    quote = f"{request.role}: {_quote(said)}"
    wrong = writer.check(said.replace("“", _MARK).replace("”", _MARK))
    ours = []
    if request.confidence is not None:
        ours.append(f"It gives {writer.say('confidence', round(request.confidence, 4))} as its confidence.")
    ours.append(_record(writer, record))
    doubts = [f"Not supported by the facts at hand: {', '.join(map(_quote, wrong))}."] if wrong else []
    return writer.section(TITLES[2], ours, [quote, *doubts])


def _record(writer: _Writer, record: TrackRecord) -> str:
    agreed, n = writer.say("agreed", record.agreed), writer.say("n", record.n)
    if record.lo is None or record.hi is None:
        return f"People kept {agreed} of {n} such recommendations: too few for a share."
    lo, hi = (writer.say(name, round(value, 3)) for name, value in (("lo", record.lo), ("hi", record.hi)))
    brier = f"; Brier score {writer.say('brier', round(record.brier, 4))}" if record.brier is not None else ""
    return f"People kept {agreed} of {n} such recommendations (true share between {lo} and {hi}{brier})."


def _at_stake(writer: _Writer, request: ReviewRequest, loss: DelayLoss | None) -> Section:
    financial = request.impact.get("financial")
    ours = ["Money: not named."]
    if isinstance(financial, Mapping):
        money = f"{financial.get('amount')} {financial.get('currency')}"
        ours = [f"Money: {writer.say('money', money)}."]
    if loss is not None:
        ours.append(f"Waiting is expected to cost {writer.say('per_hour', loss.per_hour.rounded())} an hour.")
    ours += [
        f"{label}: {request.impact[name]}."
        for name, label in (("customer_satisfaction", "Customer"), ("brand_reputation", "Brand"))
        if request.impact.get(name)
    ]
    until = writer.say("expires_at", f"{request.expires_at:%Y-%m-%d %H:%M} UTC")
    return writer.section(
        TITLES[3],
        [
            *ours,
            f"On approval: {IF_APPROVED.get(request.verb, 'the task goes on.')}",
            "On rejection: the task ends, and those concerned are told.",
            f"Undecided until {until}: {IF_EXPIRED.get(request.kind, IF_EXPIRED['approval'])}",
        ],
    )


def _deviation(writer: _Writer, found: Deviation) -> str:
    value, n = writer.say(found.name, found.value), writer.say("n", found.n)
    if found.z is None or found.median is None:
        return f"{found.name} {value}: {n} earlier values of {found.whose} do not tell what is usual."
    middle, z = writer.say("median", found.median), writer.say("z", round(found.z, 1))
    verdict = "unusual" if found.unusual else "usual"
    return (
        f"{found.name} {value} is {verdict} for {found.whose}: the median of {n} earlier ones is {middle} "
        f"(modified z {z})."
    )


def _text(value: object) -> str:
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, list | tuple | dict):
        return canonical(value)
    return " ".join(str(value).split())


def _quote(text: str) -> str:
    """In quotation marks, which no text inside can close."""
    cut = text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
    return f"“{cut.replace('“', _MARK).replace('”', _MARK)}”"
