"""Every engine of objects: what is kept under a hash is what is read, or an error."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Failed, Invalid, TryAgain
from shared.objects import open_objects
from shared.objects.port import Objects, path_of
from tests.engines import s3_url

DATA = b"what an order says " * 1000
NAME = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


class Place:
    """One engine under test: its objects, and a hand that changes or removes one past them."""

    def __init__(self, url: str, spoil: Callable[[str, bytes | None], None]) -> None:
        self.url, self.spoil = url, spoil
        self.objects: Objects = open_objects(url)


def in_a_folder(folder: Path) -> Place:
    def spoil(name: str, data: bytes | None) -> None:
        file = folder / path_of(name)
        file.unlink() if data is None else file.write_bytes(data)

    return Place(f"file://{folder}", spoil)


def in_s3(monkeypatch: pytest.MonkeyPatch) -> Place:
    from localstack_client import config, session

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("LOCALSTACK_HOST", urlsplit(s3_url()).netloc)
    local = session.Session()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": config.get_service_endpoint("s3"),
        "AWS_ACCESS_KEY_ID": local.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": local.aws_secret_access_key,
        "AWS_DEFAULT_REGION": local.region_name,
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"objects-{secrets.token_hex(6)}"
    client = local.client("s3")
    client.create_bucket(Bucket=bucket)

    def spoil(name: str, data: bytes | None) -> None:
        key = f"below/{path_of(name)}"
        if data is None:
            client.delete_object(Bucket=bucket, Key=key)
        else:
            client.put_object(Bucket=bucket, Key=key, Body=data)

    return Place(f"s3://{bucket}/below/", spoil)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return in_a_folder(tmp_path / "objects") if request.param == "folder" else in_s3(monkeypatch)


def test_what_is_kept_is_read_by_its_hash(place: Place) -> None:
    assert place.objects.put(DATA) == NAME
    assert place.objects.get(NAME) == DATA
    assert open_objects(place.url).get(NAME) == DATA


def test_keeping_it_again_changes_nothing(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: place.objects.put(DATA), range(20))) == {NAME}
    assert place.objects.get(NAME) == DATA


def test_nothing_is_an_object_too(place: Place) -> None:
    name = place.objects.put(b"")
    assert place.objects.get(name) == b""


def test_an_object_that_was_altered_is_not_read(place: Place) -> None:
    place.objects.put(DATA)
    place.spoil(NAME, b"what a thief says")
    with pytest.raises(Failed, match="is not what was kept"):
        place.objects.get(NAME)


def test_an_object_that_is_gone_is_said_so(place: Place) -> None:
    place.objects.put(DATA)
    place.spoil(NAME, None)
    with pytest.raises(Failed, match="is not there"):
        place.objects.get(NAME)


@pytest.mark.parametrize("name", ["", "sha256:", "sha256:" + "0" * 63, "sha256:../../etc/passwd", "md5:" + "0" * 64])
def test_what_is_no_name_is_refused(place: Place, name: str) -> None:
    with pytest.raises(Invalid):
        place.objects.get(name)


@given(st.text())
def test_no_text_leads_out_of_the_folder(name: str) -> None:
    """A path has two parts of hexadecimal digits, or there is none."""
    try:
        first, _, second = path_of(name).partition("/")
    except Invalid:
        return
    assert set(first + second) <= set("0123456789abcdef")


def test_in_a_folder_files_are_the_owners_and_no_half_ones_are_left(tmp_path: Path) -> None:
    objects = open_objects(f"file://{tmp_path / 'deep' / 'objects'}")
    objects.put(DATA)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_for_later(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file stands here")
    with pytest.raises(TryAgain, match="objects cannot be kept now"):
        open_objects(f"file://{tmp_path / 'objects'}").put(DATA)


def test_a_crash_while_it_is_written_leaves_no_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TryAgain, match="No space left"):
        open_objects(f"file://{tmp_path}").put(DATA)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_s3_that_does_not_answer_is_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    place = in_s3(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(TryAgain, match="S3 cannot be asked now"):
        open_objects(place.url).put(DATA)


def test_a_bucket_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    in_s3(monkeypatch)
    with pytest.raises(Failed, match="bucket nobodys cannot be used: NoSuchBucket"):
        open_objects("s3://nobodys").put(DATA)


@pytest.mark.parametrize("url", ["", "file://", "s3://", "s3:///prefix", "ftp://x", "folder"])
def test_an_address_that_names_no_engine_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="objects_url"):
        open_objects(url)
