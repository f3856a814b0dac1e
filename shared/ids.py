"""Ids that repeat: the same parts give the same id, so a repeated run makes nothing new."""

from __future__ import annotations

import hashlib


def derive_id(*parts: str) -> str:
    """128 bits of SHA-256 over the parts, each with its length in front, as 32 hexadecimal digits."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
