"""The environment, read once, cast and frozen. A wrong value fails naming the key and the value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import Invalid
from shared.live.rate import Rate, read_rate

CONTEXTS = ("orchestration", "identity", "audit")
#: Bytes of a message or of a value in a row; what is larger goes to the objects. Kafka takes a megabyte as it comes.
INLINE_LIMIT = 256 * 1024
#: How often HTTP may be called: by all callers of a tenant together, by one caller (by one address, where there is no
#: token), and to sign in, by one address. BIZOSAAS_TENANT_RATE and so on say otherwise.
RATES: Mapping[str, Rate] = {"tenant": Rate(500, 5_000), "caller": Rate(200, 2_000), "login": Rate(1, 60)}
_CACHE_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True)
class ModelSettings:
    """The language model: an OpenAI-compatible address. Without a name and a key or address there is none."""

    name: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    timeout: float = 60.0
    context_window: int = 128_000

    @property
    def configured(self) -> bool:
        """Whether a model can be called at all."""
        return bool(self.api_key or self.base_url)


@dataclass(frozen=True)
class Settings:
    """What a process of the platform needs to know. Paths are absolute, times are seconds.

    `bus_url` is for `shared.bus.open_bus`, `cache_url` names a Redis ("" for none); each may hold a password. `rates`
    has the names of `RATES`, None for as often as one likes.
    """

    home: Path
    databases: Mapping[str, str] = field(repr=False)
    function: str = ""
    bus_url: str = field(default="", repr=False)
    cache_url: str = field(default="", repr=False)
    gateway_url: str = "http://127.0.0.1:8080"
    issuer: str = "https://bizosaas.local"
    body_limit: int = 4 * 1024 * 1024
    objects_url: str = ""
    inline_limit: int = INLINE_LIMIT
    model: ModelSettings = ModelSettings()
    rates: Mapping[str, Rate | None] = field(default_factory=lambda: RATES)

    @property
    def secrets(self) -> Path:
        """Where mounted secrets are read from, one file each."""
        return Path(os.environ.get("BIZOSAAS_SECRETS_DIR", str(self.home / "secrets")))


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Cast an environment into `Settings`. Raises `Invalid` naming the key and the value that cannot be used."""
    home = Path(environ.get("BIZOSAAS_HOME", ".bizosaas")).absolute()
    return Settings(
        home=home,
        databases={
            name: environ.get(f"BIZOSAAS_{name.upper()}_DATABASE_URL", f"sqlite:///{home}/{name}.db")
            for name in CONTEXTS
        },
        function=environ.get("FUNCTION", ""),
        bus_url=_bus_url(environ, f"sqlite:///{home}/bus.db"),
        cache_url=_cache_url(environ.get("BIZOSAAS_CACHE_URL", "")),
        gateway_url=environ.get("BIZOSAAS_GATEWAY_URL", "http://127.0.0.1:8080").rstrip("/"),
        issuer=environ.get("BIZOSAAS_ISSUER", "https://bizosaas.local"),
        body_limit=_integer(environ, "BIZOSAAS_BODY_LIMIT", 4 * 1024 * 1024),
        objects_url=environ.get("BIZOSAAS_OBJECTS_URL", f"file://{home}/objects"),
        inline_limit=_integer(environ, "BIZOSAAS_INLINE_LIMIT", INLINE_LIMIT),
        model=_model(environ),
        rates={name: read_rate(environ, f"BIZOSAAS_{name.upper()}_RATE", usual) for name, usual in RATES.items()},
    )


def _bus_url(environ: Mapping[str, str], default: str) -> str:
    """The embedded engine's; or, where a real one is named, that for work, a line break, and that for facts."""
    embedded = environ.get("BIZOSAAS_BUS_URL", default)
    work, facts = environ.get("BIZOSAAS_WORK_URL", ""), environ.get("BIZOSAAS_FACTS_URL", "")
    return f"{work or embedded}\n{facts or embedded}" if work or facts else embedded


def _cache_url(url: str) -> str:
    """The address as it is; `Invalid`, which does not show it, for one that names no Redis."""
    try:
        parts = urlsplit(url)
        place = parts.path if parts.scheme == "unix" else parts.hostname
        database = parts.path.strip("/") if parts.scheme != "unix" else ""
        good = parts.scheme in _CACHE_SCHEMES and place and parts.port != 0 and (not database or database.isdigit())
    except ValueError:  # a port that is none
        good = False
    if url and not good:
        rule = "must be redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:///path of a socket"
        raise Invalid.field("BIZOSAAS_CACHE_URL", rule)
    return url


def _model(environ: Mapping[str, str]) -> ModelSettings:
    return ModelSettings(
        name=environ.get("BIZOSAAS_MODEL", "gpt-4o-mini"),
        base_url=environ.get("BIZOSAAS_MODEL_BASE_URL", ""),
        api_key=environ.get("OPENAI_API_KEY", ""),
        timeout=float(_integer(environ, "BIZOSAAS_MODEL_TIMEOUT", 60)),
        context_window=_integer(environ, "BIZOSAAS_MODEL_CONTEXT", 128_000),
    )


def _integer(environ: Mapping[str, str], key: str, default: int) -> int:
    text = environ.get(key, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise Invalid.field(key, f"must be a whole number above 0, not {text!r}")
    return int(text)


@cache
def settings() -> Settings:
    """The settings of this process, read at the first call."""
    return read_settings()
