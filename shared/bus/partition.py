"""Which partition of a topic a key belongs to: the same one that Kafka's Java and kafka-python producers choose."""

from __future__ import annotations

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_SHIFT = 24
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 (A. Appleby, 32 bits) with Kafka's seed, as an unsigned number."""
    length = len(data)
    whole = length & ~3
    digest = _SEED ^ length
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> _SHIFT) * _MULTIPLIER & _MASK
        digest = digest * _MULTIPLIER & _MASK ^ word
    if length > whole:
        digest = (digest ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    digest = (digest ^ digest >> 13) * _MULTIPLIER & _MASK
    return digest ^ digest >> 15


def partition_for(key: str, partitions: int) -> int:
    """The partition of `key` (as UTF-8) among `partitions`, from 0."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
