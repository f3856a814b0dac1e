"""The checksum of Kafka's batches of records (CRC-32C), computed in C.

kafka-python counts it in Python, byte by byte: 0.1 ms for a kilobyte, once by who sends and once by each group that
reads. It uses the package `crc32c` where that is installed, which is under the LGPL; `google-crc32c` is not.
"""

from __future__ import annotations


def use_native_checksum() -> None:
    """From now on in this process. Cheap when done before."""
    from google_crc32c import value
    from kafka.record import default_records

    def crc32c(view: memoryview) -> int:
        checksum: int = value(bytes(view))
        return checksum

    if default_records.calc_crc32c.__module__ != __name__:
        default_records.calc_crc32c = crc32c
