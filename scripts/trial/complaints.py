"""What a platform complains of in its log, the same complaint once: what a person should look at after a bad day."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

#: What makes two complaints differ and says nothing of their kind: ids, numbers, addresses.
_PARTICULAR = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{12,}\b|\d+(\.\d+)?")
_LOUD = re.compile(r"\b(ERROR|CRITICAL|Traceback)\b")
_RAISED = re.compile(r"^[\w.]+(Error|Exception|Exit|Interrupt)\b.*")
_WHO = re.compile(r"^[\w -]+\[\d+\] ")  # which process a line is of
_LONGEST = 160


def complaints(lines: Iterable[str]) -> Counter[str]:
    """How often each error was logged, the last line of a traceback as its own kind. `lines` are those of
    `scripts/up --json-logs` with its standard error among them."""
    return Counter(_PARTICULAR.sub("#", text).strip()[:_LONGEST] for text in _loud(lines))


def _loud(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        text = _text(line)
        if (_LOUD.search(text) and "Traceback" not in text) or _RAISED.match(_WHO.sub("", text)):
            yield text


def _text(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        told = json.loads(line)
    except ValueError:  # it was killed in the middle of a line
        return line
    return "" if "fact" in told else str(told.get("text", ""))
