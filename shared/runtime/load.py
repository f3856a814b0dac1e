"""From a name to a function: the catalogue row first, the module only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, get_args, get_type_hints

from events.event import Event
from shared.contract import FunctionSpec
from shared.errors import NotFound

#: The one place where the libraries name the functions: the catalogue is found by name, never imported.
CATALOGUE = "functions.catalogue"


def find(name: str) -> FunctionSpec:
    """The catalogue's row of a function. Raises `NotFound` with the nearest names."""
    catalogue: Any = importlib.import_module(CATALOGUE)
    spec: FunctionSpec | None = catalogue.by_name().get(name)
    if spec is None:
        import difflib

        near = difflib.get_close_matches(name, catalogue.by_name(), 3)
        raise NotFound(f"no function is named {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))
    return spec


@cache
def load(spec: FunctionSpec) -> ModuleType:
    """Import the function's module."""
    return importlib.import_module(f"functions.{spec.module}")


@cache
def accepted(handle: Callable[..., Any]) -> tuple[type[Event], ...]:
    """The classes of events that a `handle` says it takes; every one when it does not say."""
    hint = get_type_hints(handle).get("event", Event)
    return get_args(hint) or (hint,)
