"""Kafka's checksum is computed in C, and is the one that Kafka means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record import default_records
from kafka.record.util import calc_crc32c

from shared.bus.kafka.checksum import use_native_checksum


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
    ids=["zeros", "ones", "rising", "falling"],
)
def test_it_is_the_castagnoli_checksum(data: bytes, expected: int) -> None:
    """RFC 3720, appendix B.4; its bytes there stand in the order of the wire."""
    use_native_checksum()
    assert default_records.calc_crc32c(memoryview(data)) == expected


@given(st.binary(max_size=3000), st.integers(0, 40))
def test_it_is_that_of_the_clients_own_words(data: bytes, start: int) -> None:
    """Of any part of a buffer that may still be written to, as the client asks."""
    use_native_checksum()
    view = memoryview(bytearray(data))[start:]
    assert default_records.calc_crc32c(view) == calc_crc32c(view)


def test_the_client_still_asks_where_it_is_put() -> None:
    """When this fails kafka-python has moved its checksum, and counts in Python again."""
    use_native_checksum()
    use_native_checksum()
    batch = default_records.DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 100_000)
    batch.append(0, 1, b"key", b"value", [])
    built = bytearray(batch.build())
    assert default_records.DefaultRecordBatch(bytes(built)).validate_crc()
    built[-1] ^= 1
    assert not default_records.DefaultRecordBatch(bytes(built)).validate_crc()
    own = default_records.DefaultRecordBatch.validate_crc.__globals__["calc_crc32c"]
    assert own.__module__ == "shared.bus.kafka.checksum"
