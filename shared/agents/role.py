"""What an agent role is: data, read from one file a role (the CrewAI convention), checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from events.fields import Id, Line

#: The types that a role's output may have, by the name in its file.
OUTPUT_TYPES: Mapping[str, Any] = {
    "text": str,
    "number": float,
    "share": float,
    "whole": int,
    "yes_no": bool,
    "decimal": str,
    "moment": str,
    "list": list,
    "object": dict,
}
#: What may follow an outcome besides another role.
END = "end"


class Action(BaseModel):
    """What a role may propose. `safe` ones are done at once; `human` ones wait for a decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    needs: Literal["safe", "human"]
    fields: tuple[str, ...] = ()


class Role(BaseModel):
    """One agent role. `outcomes` maps each outcome to the next role or "end" (`against` are those by which the role
    advises not to go on, so that a human who goes on disagrees); `playbook` is the order of its tools
    without a model; `conclude` is the tool that turns what was found into the typed output."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Id
    family: Id
    queue: Id
    task_types: tuple[Id, ...]
    role: Line
    goal: str
    backstory: str
    tools: tuple[Id, ...]
    playbook: tuple[Id, ...]
    conclude: Id
    output: Mapping[str, str]
    outcomes: Mapping[str, str] = Field(min_length=1)
    against: tuple[Id, ...] = ()
    actions: Mapping[str, Action] = Field(default_factory=dict)
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    timeout: int = Field(default=120, ge=1, le=600)
    starts: tuple[Id, ...] = ()

    def output_model(self) -> type[BaseModel]:
        """The pydantic model of the typed output; a type that ends in "?" may be null."""
        return _output_model(self.name, tuple(self.output.items()))


@lru_cache(maxsize=256)
def _output_model(role: str, output: tuple[tuple[str, str], ...]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, kind in output:
        base = OUTPUT_TYPES[kind.rstrip("?")]
        fields[name] = (base | None, None) if kind.endswith("?") else (base, ...)
    return create_model(f"{role}_output", __config__=ConfigDict(extra="forbid", frozen=True), **fields)
