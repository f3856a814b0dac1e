"""A key's partition is the one that Kafka's own producers choose."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.partition import murmur2, partition_for

with warnings.catch_warnings():
    # kafka-python 3.0 reads its own files with an importlib call that Python 3.11 deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.partitioner.default import murmur2 as murmur2_of_kafka_python


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_hash_has_the_values_of_kafkas_own_java_test(key, signed):
    """Apache Kafka, clients, UtilsTest.testMurmur2."""
    assert murmur2(key.encode()) == signed % 2**32


@given(st.binary(max_size=64))
def test_the_hash_agrees_with_kafka_python_on_any_bytes(data):
    assert murmur2(data) == murmur2_of_kafka_python(data) % 2**32


@given(st.text(max_size=20), st.integers(1, 12))
def test_the_partition_is_the_positive_hash_modulo_the_partitions(key, partitions):
    assert partition_for(key, partitions) == (murmur2_of_kafka_python(key.encode()) & 0x7FFFFFFF) % partitions
