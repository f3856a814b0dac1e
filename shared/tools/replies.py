"""The work of the reply drafter: a reply to every question, from facts only, promising nothing undecided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.agents.case import Escalation, Proposal
from shared.tools.asks import Ask, ask_coverage, asks_of
from shared.tools.claim_patterns import find_claims
from shared.tools.claims import Claim, check_claims
from shared.tools.commitments import Allowed, Commitment, check_commitments
from shared.tools.function_words import base_language
from shared.tools.leaks import Contacts, Leak, leak_check
from shared.tools.localised import locale_name
from shared.tools.message_text import clean_message
from shared.tools.readability import Readability, readability
from shared.tools.references import IdTemplates
from shared.tools.reply_text import Assembled, Frame, assemble, check_snippets, written_facts
from shared.tools.sentiment import score_text
from shared.tools.tables.commitments import LANGUAGES
from shared.tools.tables.reply_snippets import PHRASES, SNIPPETS, Phrases, Snippet

# Below this a customer is angry: acknowledged first, and answered in no negative tone (policy).
ANGRY = -0.5
# How much of a message is searched for what the reply may repeat.
READ = 20_000
# What the customer's own message may support: it names things, it does not vouch for links and contacts.
NAMEABLE = frozenset(["money", "percent", "date", "time", "number", "id", "literal"])


@dataclass(frozen=True)
class ReplyTask:
    """What is to be answered. `facts` are {key, value, source}; `allowed` the actions decided before; `sentiment` -1..1
    or None; `language` of the message, None when unknown; `deadline` of the next step."""

    message: str
    facts: Sequence[Mapping[str, object]] = ()
    allowed: Sequence[Allowed] = ()
    customer: Contacts = field(default_factory=Contacts)
    name: str = ""
    sentiment: float | None = None
    language: str | None = "en"
    deadline: dt.date | None = None

    @property
    def angry(self) -> bool:
        """Whether the customer is angry."""
        return self.sentiment is not None and self.sentiment < ANGRY


@dataclass(frozen=True)
class ReplySettings:
    """A tenant's choices; `snippets` and `phrases` are by language, `hosts` those that a link may have."""

    locale: str = "en_US"
    snippets: Mapping[str, Sequence[Snippet]] = field(default_factory=lambda: SNIPPETS)
    phrases: Mapping[str, Phrases] = field(default_factory=lambda: PHRASES)
    hosts: Sequence[str] = ()
    sender: str = ""
    shop: Contacts = field(default_factory=Contacts)
    ids: IdTemplates = field(default_factory=IdTemplates)

    def __post_init__(self) -> None:
        for snippets in self.snippets.values():
            check_snippets(snippets)


@dataclass(frozen=True)
class Draft:
    """A reply and what its checks found.

    `unanswered` are ids of asks, `coverage` the share of the others; `claims` counts what the reply states and
    `unsupported` are those that nothing supports; `tone` (-1..1) and `reading_ease` are None but in English, and
    `harsh` is a negative tone to an angry customer.
    """

    subject: str
    body: str
    language: str
    asks: tuple[Ask, ...]
    unanswered: tuple[str, ...]
    coverage: float
    claims: int
    unsupported: tuple[Claim, ...]
    unallowed: tuple[Commitment, ...]
    tone: float | None
    harsh: bool
    reading_ease: float | None
    hard_to_read: bool
    leaks: tuple[Leak, ...]
    redrafted: bool
    confidence: float
    proposals: tuple[Proposal, ...]
    escalations: tuple[Escalation, ...]
    outcome: str = "drafted"


def draft(task: ReplyTask, settings: ReplySettings, text: str | None = None) -> Draft:
    """All tools of the role in the order of its playbook; `text` is a body that a model wrote, to be checked instead
    of the one assembled here.

    To an angry customer a reply of negative tone is assembled once more, with thanks; a human sees it if that does not
    help. Confidence is coverage x supported claims / claims, and 0 with a commitment that nobody decided, a leak, a
    reply in another language than the message's or one whose promises cannot be recognised, and for a message that
    says nothing that could be answered.
    """
    work = _Work.begin(task, settings)
    reply = work.assemble(warm=False)
    if text is not None:
        return work.check(reply, text, redrafted=False)
    first = work.check(reply, reply.body, redrafted=False)
    if not first.harsh:
        return first
    return work.check(reply, work.assemble(warm=True).body, redrafted=True)


@dataclass(frozen=True)
class _Work:
    """What assembling and checking have in common; `own` is the author's own part of the message."""

    task: ReplyTask
    settings: ReplySettings
    own: str
    language: str
    locale: str
    asks: tuple[Ask, ...]
    facts: Sequence[Mapping[str, object]]

    @classmethod
    def begin(cls, task: ReplyTask, settings: ReplySettings) -> _Work:
        own = clean_message(task.message, task.language).text
        language = _reply_language(task, settings)
        asks = asks_of(own, base_language(task.language) or language)
        deadline = [{"key": "deadline", "value": task.deadline}] if task.deadline else []
        return cls(task, settings, own, language, _locale(language, settings), asks, [*task.facts, *deadline])

    def assemble(self, *, warm: bool) -> Assembled:
        written = written_facts(self.facts, self.locale)
        frame = Frame(
            phrases=self.settings.phrases[self.language],
            name=self.task.name,
            sender=self.settings.sender,
            deadline=written["deadline"] if self.task.deadline else "",
            acknowledge=self.task.angry,
            warm=warm,
        )
        snippets = self.settings.snippets.get(self.language, ())
        return assemble(self.asks, written, snippets, frame, language=self.language, message=self.own)

    def check(self, reply: Assembled, body: str, *, redrafted: bool) -> Draft:
        task, settings = self.task, self.settings
        coverage = ask_coverage(self.asks, body, reply.matched, self.language)
        number, unsupported = _claims(body, self.facts, task.message, self.locale, settings.hosts)
        unallowed = check_commitments(body, task.allowed, locale=self.locale, ids=task.customer.orders)
        leaks = leak_check(body, task.customer, settings.shop, templates=settings.ids, locale=self.locale)
        tone = score_text(body, self.language).compound
        harsh = task.angry and tone is not None and tone < 0
        reading = readability(body) if self.language == "en" else Readability(0, 0, 0, None)
        supported = (number - len(unsupported)) / number if number else 1.0
        sound = bool(self.asks) and not (unallowed or leaks) and self._readable()
        return Draft(
            subject=reply.subject,
            body=body,
            language=self.language,
            asks=self.asks,
            unanswered=coverage.unanswered,
            coverage=coverage.share,
            claims=number,
            unsupported=unsupported,
            unallowed=unallowed,
            tone=tone,
            harsh=harsh,
            reading_ease=reading.ease,
            hard_to_read=not reading.plain,
            leaks=leaks,
            redrafted=redrafted,
            confidence=coverage.share * supported if sound else 0.0,
            proposals=(Proposal("send_reply", {"subject": reply.subject, "body": body}),),
            escalations=tuple(_escalations(unallowed, leaks, tone if harsh else None)),
        )

    def _readable(self) -> bool:
        """Whether the customer reads this language and promises in it can be recognised."""
        return self.language in LANGUAGES and base_language(self.task.language) in (self.language, None)


def _claims(
    body: str, facts: Sequence[Mapping[str, object]], message: str, locale: str, hosts: Sequence[str]
) -> tuple[int, tuple[Claim, ...]]:
    """How much the body claims, and which of it neither a fact nor the customer's message supports."""
    checked = check_claims(body, facts, locale=locale, allowed_hosts=hosts)
    named = {_bare(found.text) for found in find_claims(message[:READ], locale) if found.kind in NAMEABLE}
    missing = [one for one in checked.unsupported if one.kind not in NAMEABLE or _bare(one.text) not in named]
    return len(checked.claims), tuple(missing)


def _bare(text: str) -> str:
    """A claim without the mark that ends its sentence."""
    return text.rstrip(".,;:!?")


def _escalations(unallowed: Sequence[Commitment], leaks: Sequence[Leak], tone: float | None) -> Iterable[Escalation]:
    if unallowed:
        kinds = sorted({one.kind for one in unallowed})
        yield Escalation("legal_review_required", "body", [one.text for one in unallowed], why=", ".join(kinds))
    if leaks:
        found = [f"{one.kind} {one.text}" for one in leaks]
        yield Escalation("potential_policy_violation", "body", found, why="belongs to somebody else")
    if tone is not None:
        yield Escalation("negative_customer_sentiment", "tone", tone, 0, "a negative reply to an angry customer")


def _reply_language(task: ReplyTask, settings: ReplySettings) -> str:
    """The message's language if there are phrases for it, else the tenant's, else English."""
    for tag in (task.language, settings.locale):
        code = base_language(tag)
        if code in settings.phrases:
            return str(code)
    return "en"


def _locale(language: str, settings: ReplySettings) -> str:
    return settings.locale if base_language(settings.locale) == language else locale_name(language) or "en"
