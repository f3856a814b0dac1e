"""The head of a request, as the door reads it; the raw-socket side of the same rules is in test_front.py."""

from __future__ import annotations

import uuid

import pytest

from host.errors import BadVersion, HeadTooLarge, Unsupported
from host.httpwire import Header
from host.request import CallIds, RequestHead, check_size
from shared.errors import HouseError, Malformed, NotFound

HOST = (b"Host", b"a.example")


def read(url: bytes, *headers: Header, method: bytes = b"GET", version: str = "1.1") -> RequestHead:
    head = RequestHead(method, version, True)
    head.read(url, list(headers), version)
    return head


def fields(head: RequestHead) -> bytes:
    return b"".join(head.lines)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([], Malformed),
        ([HOST, HOST], Malformed),
        ([(b"Host", b"")], Malformed),
        ([(b"Host", b"a b")], Malformed),
        ([(b"Host", b"a/b")], Malformed),
        ([(b"Host", b"user@a")], Malformed),
        ([(b"Host", b"a:b")], Malformed),
        ([(b"Host", b"a,b:80 ")], None),
        ([(b"Host", b"[::1]:80")], None),
        ([(b"Host", b"a:")], None),
        ([HOST, (b"Transfer-Encoding", b"gzip, chunked")], Unsupported),
        ([HOST, (b"Expect", b"the unexpected")], Unsupported),
        ([HOST, (b"Authorization", b"a"), (b"authorization", b"b")], Malformed),
    ],
)
def test_what_the_fields_must_be(headers: list[Header], error: type[HouseError] | None) -> None:
    if error is None:
        read(b"/", *headers)
    else:
        with pytest.raises(error):
            read(b"/", *headers)


@pytest.mark.parametrize(("version", "error"), [("0.9", BadVersion), ("2.0", BadVersion)])
def test_other_versions_are_refused(version: str, error: type[HouseError]) -> None:
    with pytest.raises(error):
        read(b"/", HOST, version=version)


def test_http_1_0_needs_no_host_and_has_no_chunks() -> None:
    assert read(b"/", version="1.0").old
    with pytest.raises(Unsupported):
        read(b"/", (b"Transfer-Encoding", b"chunked"), version="1.0")


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        (b"/a?b=c?d", b"/a", b"?b=c?d"),
        (b"/a%2fb/../c", b"/a%2fb/../c", b""),
        (b"//evil.example/x", b"//evil.example/x", b""),
        (b"http://other.example/x?y", b"/x", b"?y"),
        (b"HTTP://other.example?y", b"/", b"?y"),
    ],
)
def test_targets_are_taken_raw(url: bytes, path: bytes, query: bytes) -> None:
    head = read(url, HOST)
    assert (head.path, head.query) == (path, query)


def test_the_host_of_an_absolute_target_counts() -> None:
    """RFC 9112, 3.2.2."""
    assert read(b"http://other.example/x", HOST).host == b"other.example"


@pytest.mark.parametrize(
    ("method", "url", "error"),
    [
        (b"OPTIONS", b"*", NotFound),
        (b"CONNECT", b"a:1", Unsupported),
        (b"GET", b"/a#b", Malformed),
        (b"GET", b"/" + b"a" * 8192, HeadTooLarge),
        (b"GET", b"http://user@a/", Malformed),
    ],
)
def test_targets_that_are_refused(method: bytes, url: bytes, error: type[HouseError]) -> None:
    with pytest.raises(error):
        read(url, HOST, method=method)


def test_fields_of_one_hop_and_those_that_the_host_says_are_not_passed_on() -> None:
    head = read(
        b"/",
        HOST,
        (b"Keep-Alive", b"5"),
        (b"Proxy-Connection", b"keep-alive"),
        (b"TE", b"trailers"),
        (b"Trailer", b"x"),
        (b"X-Forwarded-For", b"1.2.3.4"),
        (b"X-FORWARDED-HOST", b"evil"),
        (b"Forwarded", b"for=1.2.3.4"),
        (b"X-Start-Time", b"0"),
        (b"Connection", b"close"),
        (b"Accept", b"*/*"),
        (b"Cookie", b"a=b"),
        (b"Cookie", b"c=d"),
    )
    assert fields(head) == b"Accept: */*\r\nCookie: a=b\r\nCookie: c=d\r\n"


@pytest.mark.parametrize("first", [True, False])
def test_what_a_connection_field_names_is_not_passed_on(first: bool) -> None:
    """RFC 9110, 7.6.1; wherever the field stands."""
    others = [(b"X-Secret", b"1"), (b"Accept", b"*/*")]
    connection = [(b"Connection", b"close, x-secret")]
    headers = connection + others if first else others + connection
    assert fields(read(b"/", HOST, *headers)) == b"Accept: */*\r\n"


def test_authorization_is_passed_on_and_seen() -> None:
    head = read(b"/", HOST, (b"Authorization", b"Bearer x"))
    assert head.authorization == b"Bearer x"
    assert fields(head) == b"Authorization: Bearer x\r\n"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"0f8fad5b-d9cb-469f-a165-70867728950e", True),
        (b"short", False),
        (b"a" * 129, False),
        (b"a b c d e", False),
    ],
)
def test_a_sane_call_id_is_kept(value: bytes, kept: bool) -> None:
    assert bool(read(b"/", HOST, (b"X-Call-Id", value)).call_id) == kept


UPGRADE = (b"Connection", b"keep-alive, Upgrade")


def test_a_websocket_is_passed_on_and_nothing_else() -> None:
    assert read(b"/", HOST, UPGRADE, (b"Upgrade", b"WebSocket")).websocket
    assert not read(b"/", HOST, UPGRADE, (b"Upgrade", b"h2c")).websocket
    assert not read(b"/", HOST, (b"Upgrade", b"websocket")).websocket
    assert b"pgrade" not in fields(read(b"/", HOST, UPGRADE, (b"Upgrade", b"h2c")))


@pytest.mark.parametrize("framing", [(b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked")])
def test_an_upgrade_with_a_body_is_refused(framing: Header) -> None:
    """llhttp takes the request for done at its head: the body would be read as the next request."""
    with pytest.raises(Malformed):
        read(b"/", HOST, UPGRADE, (b"Upgrade", b"h2c"), framing, method=b"POST")


def test_the_size_of_a_head_is_limited() -> None:
    check_size([(b"a", b"b" * 95)], 100)
    with pytest.raises(HeadTooLarge):
        check_size([(b"a", b"b" * 96)], 100)


def test_call_ids_are_uuids_of_version_8_and_never_the_same() -> None:
    """RFC 9562, 5.8."""
    ids = CallIds()
    made = [uuid.UUID(ids.next().decode()) for _ in range(1000)]
    assert {one.version for one in made} == {8}
    assert {one.variant for one in made} == {uuid.RFC_4122}
    assert len(set(made)) == 1000
