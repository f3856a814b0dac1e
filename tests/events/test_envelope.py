"""CloudEvents are read strictly, in all content modes, and every problem is one DecodeError with the raw bytes."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http, from_json
from hypothesis import given
from hypothesis import strategies as st

from events.commerce import OrderPlaced
from events.envelope import (
    BATCH,
    STRUCTURED,
    DecodeError,
    Envelope,
    decode,
    decode_batch,
    decode_http,
    encode_batch,
)
from events.registry import EVENTS

ORDER = OrderPlaced(order_id="o-1", amount="12.50", currency="EUR", order={"a": 1})
HEAD = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop",
    "type": "bizosaas.commerce.OrderPlaced.v1",
    "data": ORDER.model_dump(mode="json"),
}
names = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["C", "Z"]), min_size=1, max_size=40
)
times = st.datetimes(
    datetime(1, 1, 2),
    datetime(9999, 12, 30),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)


@st.composite
def envelopes(draw):
    return Envelope(
        id=draw(names),
        source=draw(names),
        event=ORDER,
        time=draw(st.none() | times),
        subject=draw(st.just("") | names),
        extensions=draw(st.dictionaries(st.from_regex(r"x[a-z0-9]{1,19}", fullmatch=True), names, max_size=3)),
    )


@given(envelopes())
def test_an_envelope_comes_back_as_it_was(envelope: Envelope) -> None:
    assert decode(envelope.encode()) == envelope


@given(envelopes())
def test_the_official_sdk_reads_what_we_write(envelope: Envelope) -> None:
    event = from_json(envelope.encode())
    assert (event["id"], event["source"], event["type"]) == (envelope.id, envelope.source, envelope.type)
    assert event.data == ORDER.model_dump(mode="json")


@given(envelopes())
def test_we_read_what_the_official_sdk_writes_in_both_modes(envelope: Envelope) -> None:
    attributes = {key: value for key, value in envelope.to_dict().items() if key != "data"}
    event = CloudEvent(attributes, ORDER.model_dump(mode="json"))
    headers, body = to_structured(event)
    (read,) = decode_http({k.lower(): v for k, v in headers.items()}, body)
    assert replace(read, time=envelope.time) == envelope  # the SDK invents a time where there was none


def test_binary_mode_takes_attributes_from_percent_encoded_headers() -> None:
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/caf%C3%A9",
        "ce-type": HEAD["type"],
        "ce-tenantid": "demo",
    }
    (envelope,) = decode_http(headers, json.dumps(HEAD["data"]).encode())
    assert isinstance(envelope, Envelope)
    assert (envelope.source, envelope.tenant) == ("/café", "demo")
    headers, body = to_binary(CloudEvent({k: v for k, v in HEAD.items() if k != "data"}, HEAD["data"]))
    assert decode_http(dict(headers), body) == [
        decode(json.dumps(HEAD | {"time": from_http(headers, body)["time"]}).encode())
    ]


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type", "data"])
def test_what_an_event_must_have_is_named_when_it_is_missing(missing: str) -> None:
    raw = json.dumps({key: value for key, value in HEAD.items() if key != missing}).encode()
    with pytest.raises(DecodeError) as caught:
        decode(raw)
    assert caught.value.field_name == missing
    assert caught.value.raw == raw


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"source": "a\nb"}, "source"),
        ({"type": "com.example.Unknown"}, "type"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-02-30T00:00:00Z"}, "time"),
        ({"time": "2026-01-01T00:00:00"}, "time"),
        ({"time": "2026-01-01T24:00:00Z"}, "time"),
        ({"time": "9999-12-31T23:59:59-01:00"}, "time"),
        ({"time": "0001-01-01T00:00:00+01:00"}, "time"),
        ({"expirytime": "soon"}, "expirytime"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"Bad-Name": "x"}, "Bad-Name"),
        ({"extra": {"a": 1}}, "extra"),
        ({"data": []}, "data"),
        ({"data": {**HEAD["data"], "amount": "12,50"}}, "data.amount"),
        ({"data": {**HEAD["data"], "amount": True}}, "data.amount"),
        ({"data": {**HEAD["data"], "surprise": 1}}, "data.surprise"),
        ({"data_base64": "e30="}, "data"),
    ],
)
def test_a_broken_rule_is_named_with_its_field(changes: dict, field: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(json.dumps(HEAD | changes).encode())
    assert caught.value.field_name == field


def test_data_may_come_as_base64_of_json() -> None:
    head = {key: value for key, value in HEAD.items() if key != "data"}
    raw = json.dumps(head | {"data_base64": base64.b64encode(json.dumps(HEAD["data"]).encode()).decode()})
    assert decode(raw.encode()).event == ORDER


def test_in_a_batch_each_event_answers_for_itself() -> None:
    good = decode(json.dumps(HEAD).encode())
    raw = json.dumps([HEAD, HEAD | {"id": ""}, "x"]).encode()
    first, second, third = decode_http({"content-type": BATCH}, raw)
    assert first == good
    assert isinstance(second, DecodeError)
    assert isinstance(third, DecodeError)
    assert decode_batch(encode_batch([good, good])) == [good, good]
    with pytest.raises(DecodeError, match="JSON array"):
        decode_batch(b"{}")


def test_a_request_that_is_no_event_is_refused() -> None:
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/cloudevents+avro"}):
        with pytest.raises(DecodeError):
            decode_http(headers, b"{}")
    assert decode_http({"content-type": STRUCTURED + "; charset=utf-8"}, json.dumps(HEAD).encode())


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_do_more_than_raise_a_decode_error(raw: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(raw)
    assert caught.value.raw == raw


@given(
    st.sampled_from(sorted(HEAD)),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4),
)
def test_any_attribute_of_any_shape_is_an_event_or_a_decode_error(name: str, value) -> None:
    raw = json.dumps(HEAD | {name: value}).encode()
    with contextlib.suppress(DecodeError):
        assert isinstance(decode(raw), Envelope)


def test_an_amount_that_is_a_json_number_keeps_its_digits() -> None:
    raw = json.dumps(HEAD | {"data": {**HEAD["data"], "amount": 5000.01}}).encode()
    assert decode(raw).event.amount == Decimal("5000.01")


def test_a_time_keeps_microseconds_and_drops_what_is_finer() -> None:
    envelope = decode(json.dumps(HEAD | {"time": "2026-01-01T00:00:00.123456789+02:00"}).encode())
    assert envelope.time == datetime(2025, 12, 31, 22, 0, 0, 123456, tzinfo=UTC)


def test_a_moment_has_one_text_whatever_offset_it_was_sent_with() -> None:
    """The audit chain hashes it, and reads it back from a database that keeps no offset."""
    sent = [
        decode(json.dumps(HEAD | {"time": f"2026-01-01T{text}"}).encode()) for text in ("12:00:00+02:00", "10:00:00Z")
    ]
    assert sent[0].encode() == sent[1].encode()
    assert sent[0].time is not None
    assert sent[0].time.tzinfo is UTC


def test_there_are_the_24_domain_events_of_the_specification() -> None:
    from events.registry import DOMAIN

    expected = [
        "UserLoggedIn",
        "TenantSwitched",
        "PermissionGranted",
        "LeadCreated",
        "LeadConverted",
        "CampaignLaunched",
        "PagePublished",
        "ArticleCreated",
        "MediaUploaded",
        "OrderPlaced",
        "PaymentProcessed",
        "ProductUpdated",
        "TaskAssigned",
        "AgentCompleted",
        "HITLRequested",
        "BusinessListed",
        "ReviewPosted",
        "LocationVerified",
        "PriceChanged",
        "StockUpdated",
        "SupplierFound",
        "TradeExecuted",
        "SignalGenerated",
        "RiskAlert",
    ]
    assert [event.__name__ for event in DOMAIN] == expected


def test_every_event_goes_to_a_topic_or_queue_that_exists() -> None:
    from events.topology import QUEUES, TOPICS

    for event in EVENTS.values():
        if event.QUEUE in ("timer", "auto_*"):
            continue
        assert (event.TOPIC in TOPICS) != (event.QUEUE in QUEUES), event.__name__
        assert event.model_config["frozen"]
        assert event.model_config["extra"] == "forbid"
