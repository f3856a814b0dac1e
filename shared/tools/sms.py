"""How many parts a text message takes: the alphabets and lengths of 3GPP TS 23.038 (once GSM 03.38)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# 3GPP TS 23.038, clause 6.2.1: the default alphabet in the order of its codes 0x00 to 0x7F.
# Code 0x1B, the escape to the extension table, is no character of a text and is left out.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Clause 6.2.1.1: the extension table; each is sent as the escape and a code, so it counts two.
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")

# Units of one message alone, and of each part of a longer one, whose header takes 6 octets of the 140.
GSM_ALONE, GSM_PART = 160, 153
UCS2_ALONE, UCS2_PART = 70, 67


@dataclass(frozen=True)
class Segments:
    """The encoding a text needs, its length in units of that encoding, and the parts that are paid for."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int


def sms_segments(text: str) -> Segments:
    """Count the parts of `text` sent as SMS.

    In GSM 7-bit when every character is in its alphabet, else the whole text in UCS-2 (as UTF-16 code
    units: a character beyond the basic plane counts two). A character of two units is never cut between
    two parts. An empty text takes 0 parts.
    """
    if all(character in GSM_BASIC or character in GSM_EXTENSION for character in text):
        widths = [2 if character in GSM_EXTENSION else 1 for character in text]
        return Segments("GSM-7", sum(widths), _parts(widths, GSM_ALONE, GSM_PART))
    widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return Segments("UCS-2", sum(widths), _parts(widths, UCS2_ALONE, UCS2_PART))


def sms_spaces(text: str) -> str:
    """The text with the no-break spaces that CLDR puts into amounts as plain ones.

    They look the same on a phone, and a single one turns the whole message into UCS-2, with parts of less
    than half the length.
    """
    return text.translate({0x00A0: " ", 0x2007: " ", 0x202F: " "})


def _parts(widths: Sequence[int], alone: int, part: int) -> int:
    if sum(widths) <= alone:
        return 1 if widths else 0
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts
