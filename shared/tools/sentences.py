"""Sentences of a mail or chat message, where writers care little for capitals and full stops."""

from __future__ import annotations

import re
from itertools import pairwise

# Mail programs wrap at 72 to 78 characters: a line shorter than this was ended by its author.
WRAPPED_LINE = 50

# Possessive throughout: a megabyte of dots is read once.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s)|[。！？]++")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|e\.g|i\.e|z\.b|ca|bzw|approx)\.$", re.IGNORECASE)
_NUMBER = re.compile(r"(?:^|[\s(])(?:no|nr|tel)\. ?[\d+]$", re.IGNORECASE)
_ORDINAL = re.compile(r"\d\. (?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])", re.IGNORECASE)
_BULLET = re.compile(r"(?:[-*•]|\d{1,2}[.)])\s")


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text in order, each on one line.

    They end at . ! ? … and the CJK full stops, at a blank line, at a line under 50 characters and before a
    list item; not after an abbreviation or a German ordinal.
    """
    return tuple(sentence for stretch in _stretches(text) for sentence in _split(stretch))


def _stretches(text: str) -> list[str]:
    """Lines that a mail program wrapped, joined again."""
    stretches: list[list[str]] = []
    wrapped = False
    for line in (" ".join(line.split()) for line in text.splitlines()):
        if wrapped and line and not _BULLET.match(line):
            stretches[-1].append(line)
        else:
            stretches.append([line])
        wrapped = len(line) >= WRAPPED_LINE
    return [joined for lines in stretches if (joined := " ".join(lines))]


def _split(stretch: str) -> list[str]:
    ends = (found.end() for found in _END.finditer(stretch) if not _inside(stretch, found))
    cuts = [0, *ends, len(stretch)]
    return [part for a, b in pairwise(cuts) if (part := stretch[a:b].strip())]


def _inside(stretch: str, found: re.Match[str]) -> bool:
    """Whether a full stop belongs to an abbreviation or an ordinal."""
    if found[0] != ".":
        return False
    end = found.end()
    near, beyond = stretch[max(0, end - 8) : end], stretch[end : end + 2]
    return bool(_ABBREVIATION.search(near) or _NUMBER.search(near + beyond) or _ORDINAL.match(stretch, end - 2))
