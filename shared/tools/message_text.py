"""What the author of a message wrote: its own words, without markup, quoted mail and signature."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from shared.tools.function_words import base_language
from shared.tools.html_text import has_markup, html_to_text
from shared.tools.languages import detect_language

# A longer message is read at its beginning and its end, half of this at each.
READ = 100_000
# A line that heads quoted mail is shorter; the patterns that know them take quadratic time over longer ones.
HEADER_LINE = 200

_RULER = re.compile(r"[-_=*]{5,}.*|[^.?]*\bforwarded message:", re.IGNORECASE)
_ATTRIBUTION = re.compile(r"[^?]*:")


@dataclass(frozen=True)
class Dropped:
    """A part that was left out; `kind` is middle, markup, quote or signature."""

    kind: str
    text: str


@dataclass(frozen=True)
class CleanMessage:
    """`text` is what the author wrote now; `kept_raw`: nothing was left, so it is the raw message."""

    text: str
    dropped: tuple[Dropped, ...] = ()
    kept_raw: bool = False


def clean_message(raw: str, language: str | None = None) -> CleanMessage:
    """The author's own part of a message, NFC-normalised, and what was dropped from it.

    HTML becomes text. Lines quoted with ">" go (RFC 3676 section 4.5), with all that follows the header of
    quoted or forwarded mail in English and in `language` (default: the one detected; library
    mail-parser-reply), and the signature after the line "-- " (RFC 3676 section 4.3). Of more than 100,000
    characters both ends are read.
    """
    parts, dropped = [raw], []
    if len(raw) > READ:
        parts = [raw[: READ // 2], raw[-READ // 2 :]]
        dropped.append(Dropped("middle", f"{len(raw) - READ} characters"))
    if has_markup("\n".join(parts)):
        parts = [html_to_text(part) for part in parts]
        dropped.append(Dropped("markup", "HTML"))
    text = unicodedata.normalize("NFC", "\n".join(parts))
    lines = text.splitlines()
    quote = _quoted(lines, language or detect_language(text).language)
    own = [line for i, line in enumerate(lines) if i not in quote]
    end = own.index("-- ") if "-- " in own else len(own)
    for kind, gone in (("quote", [lines[i] for i in sorted(quote)]), ("signature", own[end:])):
        if gone:
            dropped.append(Dropped(kind, "\n".join(gone)))
    left = "\n".join(own[:end]).strip()
    return CleanMessage(left, tuple(dropped)) if left or not raw.strip() else CleanMessage(raw, kept_raw=True)


def _quoted(lines: Sequence[str], language: str | None) -> set[int]:
    """The numbers of the lines that belong to earlier mail."""
    quoted = {i for i, line in enumerate(lines) if line.lstrip().startswith(">")}
    gone = quoted | {line for first in quoted for line in _announced_at(lines, first, quoted, _ATTRIBUTION)}
    own = [i for i in range(len(lines)) if i not in quoted]
    if header := _header_span([lines[i] for i in own], base_language(language)):
        start, end = header
        # Lines between quoted ones below the header are answers; with none quoted, all is the old mail.
        answered = any(i > own[start] for i in quoted)
        gone |= set(own[start:end] if answered else own[start:])
        gone |= _announced_at(lines, own[start], quoted, _RULER)
    return gone


def _announced_at(lines: Sequence[str], first: int, quoted: set[int], pattern: re.Pattern[str]) -> set[int]:
    """The line above line `first`, blank ones aside, if it only announces what follows."""
    above = first - 1
    while above >= 0 and above not in quoted and not lines[above].strip():
        above -= 1
    if above < 0 or above in quoted:
        return set()
    return {above} if pattern.fullmatch(lines[above].strip()[:HEADER_LINE]) else set()


def _header_span(lines: Sequence[str], language: str | None) -> tuple[int, int] | None:
    """The first line of the header of quoted mail, and the line after it; None without such a header."""
    text = "\n".join(line.strip()[:HEADER_LINE] for line in lines)
    found = _header_pattern(language).search(text)
    if not found:
        return None
    start = found.start() + len(found[0]) - len(found[0].lstrip())
    return text.count("\n", 0, start), text.count("\n", 0, found.end()) + 1


@cache
def _header_pattern(language: str | None) -> re.Pattern[str]:
    from mailparser_reply.constants import MAIL_LANGUAGES
    from mailparser_reply.parser import EmailMessage

    known = [language] if language in MAIL_LANGUAGES else []
    pattern: re.Pattern[str] = EmailMessage(text="", languages=known).HEADER_REGEX
    return pattern
