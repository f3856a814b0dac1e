"""What a model must say at the end of its work, read strictly; and the one error for a model that did not."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from events.jsontext import JsonError, loads


class ModelFailed(Exception):
    """Raised when a model gave no usable answer. Counts on the circuit breaker; the playbook answers instead."""

    def __init__(self, reason: str, *, pause: float = 0.0) -> None:
        """`reason` is shown to people: it holds neither a secret nor anything that the model or its server wrote.
        `pause`: the seconds for which the server asked to be left alone."""
        super().__init__(reason)
        self.reason = reason
        self.pause = pause


class Unreadable(ValueError):
    """Raised when a text is not the typed answer; says what is wrong, for the model to repair."""


# PostgreSQL takes no NUL in a text, and a model can write one as \u0000.
_WithoutNul = BeforeValidator(lambda value: value.replace("\x00", "") if isinstance(value, str) else value)
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _WithoutNul]


class Answer(BaseModel):
    """The typed answer of a model.

    `summary` is for a reviewer, `draft` the text for a customer where the role writes one; `outcome` is the
    model's own view, None when it leaves that to the tools; `concerns` are remarks for a reviewer.
    """

    model_config = ConfigDict(frozen=True)
    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), _WithoutNul]
    outcome: str | None = None
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)
    draft: Annotated[str, StringConstraints(max_length=20_000), _WithoutNul] | None = None
    concerns: tuple[_Words, ...] = Field(default=(), max_length=10)


def read_answer(text: str, outcomes: Collection[str]) -> Answer:
    """The answer in a model's last text: its first JSON object, whatever stands around it.

    Raises `Unreadable` for anything else, and for an outcome that is none of `outcomes`.
    """
    start = text.find("{")
    if start < 0:
        raise Unreadable("there is no JSON object in it")
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
        answer = Answer.model_validate(loads(text[start:end]))
    except (JsonError, json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(f"its JSON cannot be read: {error}") from None
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()[:10])
        raise Unreadable("; ".join(problems)) from None
    if answer.outcome is not None and answer.outcome not in outcomes:
        raise Unreadable(f"outcome: must be null or one of {', '.join(outcomes)}")
    return answer
