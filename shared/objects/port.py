"""What every engine of objects promises.

An object is named by its content (`sha256:<64 hex digits>`): the same bytes are kept once, keeping them again changes
nothing, and what is read is what was kept, or an error. So an object may be kept before the transaction that names it:
one that is never named harms nobody.
"""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

from shared.errors import Failed, Invalid

_NAME = re.compile(r"sha256:[0-9a-f]{64}")


class Objects(Protocol):
    """One store of objects."""

    def put(self, data: bytes) -> str:
        """Keep bytes; their name, when they are durable. Raises `TryAgain` when they cannot be kept now."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes of a name. Raises `Failed` when they are gone or are not what they were, `TryAgain` when they
        cannot be read now, `Invalid` for what is no name."""
        ...


def name_of(data: bytes) -> str:
    """The name of these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def path_of(name: str) -> str:
    """Where an object lies: `ab/cdef...`, so that no folder gets too many. Raises `Invalid` for what is no name."""
    if not _NAME.fullmatch(name):
        raise Invalid.field("object", "must be sha256: and 64 hexadecimal digits")
    digest = name.removeprefix("sha256:")
    return f"{digest[:2]}/{digest[2:]}"


def checked(name: str, data: bytes) -> bytes:
    """The bytes, if they are what the name says. Raises `Failed` when they were altered."""
    if name_of(data) != name:
        raise Failed(f"the object {name} is not what was kept under this name")
    return data


def gone(name: str) -> Failed:
    """The error for an object that was kept and is no more."""
    return Failed(f"the object {name} is not there")
