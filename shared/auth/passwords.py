"""Passwords: argon2id hashes and the rules for a new one.

The cost is the second recommended option of RFC 9106, section 4 (64 MiB, 3 passes, 4 lanes, a salt of 128 and a tag
of 256 bits); it lies above the least that the OWASP Password Storage Cheat Sheet asks for (19 MiB, 2 passes, 1 lane).
One computation is about 0.2 s of CPU, so it stands in login only and never inside a write transaction.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: NIST SP 800-63B, 5.1.1.2: at least 8 characters, 64 or more permitted, no rules of composition, no truncation.
SHORTEST = 8
LONGEST = 1024


class Cost(NamedTuple):
    """What one computation costs: `memory` is in KiB."""

    passes: int
    memory: int
    lanes: int


COST = Cost(passes=3, memory=64 * 1024, lanes=4)


@cache
def _hasher(cost: Cost) -> PasswordHasher:
    from argon2 import PasswordHasher, Type

    return PasswordHasher(cost.passes, cost.memory, cost.lanes, hash_len=32, salt_len=16, type=Type.ID)


def _normal(password: str) -> str:
    # The same characters typed on two keyboards are one password: NFKC, as NIST SP 800-63B, 5.1.1.2 has it.
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """The argon2id hash of a password, in its PHC string form, with a fresh salt."""
    return _hasher(COST).hash(_normal(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one of a hash. None (no such user) is never matched and costs the same work."""
    if password_hash is None:
        hash_password(password)
        return False
    from argon2.exceptions import VerifyMismatchError

    try:
        return _hasher(COST).verify(password_hash, _normal(password))
    except VerifyMismatchError:
        return False


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with another cost than today's."""
    return _hasher(COST).check_needs_rehash(password_hash)


def check_rules(password: str, *, field: str = "password", names: tuple[str, ...] = ()) -> None:
    """Raise `Invalid` for a new password that breaks a rule: 8 to 1024 characters (code points, after NFKC), not one
    character repeated, not one of `names` (the e-mail, the user's name). The message never holds the password."""
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise Invalid.field(field, f"must have {SHORTEST} to {LONGEST} characters")
    if len(set(normal)) == 1:
        raise Invalid.field(field, "must not be one character repeated")
    if normal.casefold() in {_normal(name).casefold() for name in names}:
        raise Invalid.field(field, "must not be the user's own name or e-mail")
