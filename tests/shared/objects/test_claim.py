"""A large event travels without its data, and arrives with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.commerce import OrderPlaced
from events.envelope import DecodeError, Envelope, decode, encode_batch
from events.jsontext import loads
from shared.errors import Failed
from shared.objects.claim import fetch_data, leave_data
from shared.settings import settings

LIMIT = 2000


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BIZOSAAS_OBJECTS_URL", f"file://{tmp_path}")
    monkeypatch.setenv("BIZOSAAS_INLINE_LIMIT", str(LIMIT))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def placed(note: str) -> Envelope:
    event = OrderPlaced.model_validate(
        {"order_id": "o-1", "amount": "10.10", "currency": "EUR", "order": {"note": note, "price": "0.30"}}
    )
    return Envelope(id="e-1", source="/shop", event=event, extensions={"tenantid": "demo"})


def test_a_small_event_travels_whole(place: Path) -> None:
    body = placed("short").encode()
    assert leave_data(body) is body
    assert list(place.iterdir()) == []


def test_a_large_event_leaves_its_data_and_gets_it_back() -> None:
    whole = placed("x" * LIMIT)
    short = leave_data(whole.encode())
    assert len(short) < 500
    assert loads(short)["dataref"].startswith("sha256:")
    assert decode(fetch_data(short)) == whole


def test_leaving_it_twice_is_leaving_it_once() -> None:
    short = leave_data(placed("x" * LIMIT).encode())
    assert leave_data(short) == short


def test_without_its_data_it_is_no_event() -> None:
    with pytest.raises(DecodeError, match="data"):
        decode(leave_data(placed("x" * LIMIT).encode()))


def test_in_a_batch_each_gets_its_own() -> None:
    envelopes = [placed("short"), placed("x" * LIMIT), placed("y" * LIMIT)]
    bodies = [leave_data(one.encode()) for one in envelopes]
    batch = fetch_data(b"[" + b",".join(bodies) + b"]")
    assert loads(batch) == loads(encode_batch(envelopes))


def test_data_that_is_gone_is_an_error_that_names_the_object(place: Path) -> None:
    short = leave_data(placed("x" * LIMIT).encode())
    for file in place.rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(Failed, match="is not there"):
        fetch_data(short)


def test_a_reference_beside_data_is_not_followed() -> None:
    """Who sends both means the data; what the name leads to stays where it is."""
    body = b'{"dataref": "sha256:00", "data": {"a": 1}}'
    assert fetch_data(body) == body


@given(st.binary(max_size=200).map(lambda noise: noise + b'"dataref"'))
def test_bytes_that_are_no_event_are_left_to_who_decodes_them(noise: bytes) -> None:
    assert fetch_data(noise) == noise
