"""The live view: one readable line for each thing that happens, or one JSON object a line."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, TextIO

from events import orchestration as facts
from events.envelope import DecodeError, decode
from events.jsontext import dumps
from shared.bus.port import Record
from shared.errors import HouseError
from shared.objects.claim import fetch_data

_COLOURS = {"good": "32", "wait": "33", "bad": "31", "quiet": "2", "info": "36"}


class Live:
    """Writes to a stream; colours only where a person looks."""

    def __init__(self, *, json_lines: bool, stream: TextIO | None = None) -> None:
        """`json_lines` is for machines."""
        self._json = json_lines
        self._stream = stream or _whole(sys.stdout)
        self._lock = threading.Lock()
        self._colours = not json_lines and self._stream.isatty()

    def say(self, text: str, tone: str = "info", **fields: Any) -> None:
        """One line, with its fields for machines."""
        now = time.time()
        if self._json:
            line = dumps({"time": round(now, 3), "tone": tone, "text": text, **fields})
        else:
            line = f"{time.strftime('%H:%M:%S', time.localtime(now))}  {self._tint(text, tone)}"
        with self._lock, contextlib.suppress(OSError):  # nobody looks any more, or there is no room: the work goes on
            self._stream.write(line + "\n")
            self._stream.flush()

    def _tint(self, text: str, tone: str) -> str:
        return f"\x1b[{_COLOURS[tone]}m{text}\x1b[0m" if self._colours else text

    def on_log(self, function: str, pid: int, line: Any) -> None:
        """A line that a function printed."""
        if isinstance(line, dict):
            self.say(str(line.get("message", line)), "quiet", function=function, pid=pid, log=line)
        else:
            self.say(f"{function}[{pid}] {line}", "quiet", function=function, pid=pid)

    def on_bridge(self, number: int, pid: int, line: Any) -> None:
        """A line of a bridge process: its own live view, or words that it could not put into one."""
        if isinstance(line, dict) and "event" in line:
            self.on_event(**({"kind": line["event"], "bridge": number} | _fields(line)))
        else:
            self.say(f"bridge {number}[{pid}] {line}", "quiet", bridge=number, pid=pid)

    def on_event(self, kind: str, **fields: Any) -> None:
        """Something that the host or the bridge did. Waking and sleeping are for machines only: there are many."""
        tone = {"crashed": "bad", "killed": "bad", "buried": "bad", "skipped": "bad", "start_failed": "bad"}.get(kind)
        if tone is None and not self._json:
            return
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        self.say(f"{kind}: {text}", tone or "quiet", event=kind, **{n: _plain(v) for n, v in fields.items()})

    def on_fact(self, record: Record) -> None:
        """A fact from a topic."""
        try:
            envelope = decode(fetch_data(record.message.body))
        except DecodeError as error:
            self.say(f"{record.topic}: a message that is not an event ({error})", "bad", topic=record.topic)
            return
        except HouseError as error:  # its data is with the objects, which cannot be asked
            self.say(f"{record.topic}: a fact that cannot be read ({error.detail})", "bad", topic=record.topic)
            return
        if isinstance(envelope.event, facts.TaskAssigned) and not self._json:
            return  # the lines before and after say who has the task
        tone, text = describe(envelope.event)
        # Its data is not logged: it is customers' own. Whoever may see it finds it by these in the record.
        about = envelope.attributes() if self._json else {}
        self.say(f"{envelope.tenant or 'platform'}  {text}", tone, topic=record.topic, fact=about)


def _whole(stdout: TextIO) -> TextIO:
    """Standard output as one that writes each line to its end. Where Python does not buffer (PYTHONUNBUFFERED) its own
    leaves off a long line at a signal."""
    try:
        return open(stdout.fileno(), "w", encoding="utf-8", closefd=False)
    except OSError:  # it is no file, as where a test looks at it
        return stdout


def _fields(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of a live view says beside its form."""
    return {name: value for name, value in line.items() if name not in ("time", "tone", "text", "event")}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def describe(event: Any) -> tuple[str, str]:
    """(tone, words) for a fact."""
    write = _WORDS.get(type(event))
    if write is not None:
        words: tuple[str, str] = write(event)
        return words
    about = event.about()
    return "info", f"{type(event).__name__}{f' {about[:12]}' if about else ''}"


def _submitted(event: facts.TaskSubmitted) -> tuple[str, str]:
    if event.escalated:
        return "wait", f"{event.task_type} {event.task_id[:8]} came and waits for a human: {', '.join(event.triggers)}"
    return "info", f"{event.task_type} {event.task_id[:8]} came and goes to {event.role}"


def _completed(event: facts.AgentCompleted) -> tuple[str, str]:
    onward = f", on to {event.next_role}" if event.next_role else ""
    words = f"{event.role} says {event.outcome} ({event.confidence:.2f}, {event.engine}){onward}"
    return "good", f"{event.task_type} {event.task_id[:8]} {words}"


def _ended(event: facts.TaskEnded) -> tuple[str, str]:
    tone = "good" if event.status == "completed" else "bad"
    return tone, f"{event.task_type} {event.task_id[:8]} {event.status}{f': {event.why}' if event.why else ''}"


def _requested(event: facts.HITLRequested) -> tuple[str, str]:
    words = f"waits for a human ({event.urgency}): {', '.join(event.triggers)}"
    return "wait", f"{event.task_type} {event.task_id[:8]} {words}"


def _prepared(event: facts.HITLPrepared) -> tuple[str, str]:
    place = f"is number {event.rank} of those that wait" if event.rank else "is prepared"
    whom = f", best asked: {event.suggested_reviewer}" if event.suggested_reviewer else ""
    return "quiet", f"the request about {event.task_id[:8]} {place}{whom}"


def _decided(event: facts.HITLDecided) -> tuple[str, str]:
    return "good", f"{event.task_type} {event.task_id[:8]}: {event.reviewer[:12]} decided to {event.decision}"


def _failed(event: facts.AgentFailed) -> tuple[str, str]:
    return "bad", f"{event.role} could not do {event.task_id[:8]}: {event.detail or event.error}"


_WORDS: Mapping[type, Any] = {
    facts.TaskSubmitted: _submitted,
    facts.AgentCompleted: _completed,
    facts.TaskEnded: _ended,
    facts.HITLRequested: _requested,
    facts.HITLPrepared: _prepared,
    facts.HITLDecided: _decided,
    facts.AgentFailed: _failed,
}
