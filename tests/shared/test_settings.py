"""A wrong environment fails naming the key and the rule, and shows no password."""

from __future__ import annotations

import pytest

from shared.errors import Invalid
from shared.live.rate import Rate
from shared.settings import RATES, read_settings


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://cache",
        "redis://user:secret@cache.example:6379/3",
        "redis://:secret@127.0.0.1:1/0",
        "rediss://[::1]:6380",
        "unix:///run/redis/redis.sock",
    ],
)
def test_a_redis_is_named_by_its_address(url: str) -> None:
    found = read_settings({"BIZOSAAS_CACHE_URL": url})
    assert found.cache_url == url
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "http://:secret@cache",
        "127.0.0.1:6379",
        "redis:/secret",
        "redis://",
        "redis://:secret@",
        "redis://:secret@cache:port",
        "redis://:secret@cache:99999",
        "redis://:secret@cache:0",
        "redis://:secret@cache/name",
        "unix://",
        "memcached://secret@cache",
        "redis://[::1:secret",
    ],
)
def test_what_names_no_redis_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Invalid, match="BIZOSAAS_CACHE_URL: must be redis://") as caught:
        read_settings({"BIZOSAAS_CACHE_URL": url})
    assert "secret" not in caught.value.detail


def test_rates_are_generous_unless_said_otherwise() -> None:
    assert read_settings({}).rates == RATES
    found = read_settings({"BIZOSAAS_TENANT_RATE": "off", "BIZOSAAS_LOGIN_RATE": "0.5/3"}).rates
    assert found == {"tenant": None, "caller": RATES["caller"], "login": Rate(0.5, 3)}
