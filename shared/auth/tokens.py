"""Access tokens: issued after a login or for a part of the platform, verified on every call.

A token is a JWT signed with EdDSA (RFC 8037), typed `at+jwt`. What makes one good, in this order:
 1. At most 4096 bytes, three base64url parts, the last one exactly an Ed25519 signature in its one spelling.
 2. `kid` names a key of ours; that key, not the header, says the algorithm.
 3. The signature; then `iss`, `aud` and `typ`; then every claim is there with its type.
 4. `nbf`, `iat` and `exp` by our clock, with 5 s of leeway.
 5. The user key signs for people and never for AGENT; the service key signs for AGENT only.

Revocation: a token is not looked up in the database, so after a logout it works for the rest of its 15 minutes at
most; `/auth/me` and `/auth/refresh` do look, so nothing outlives that. The other choice, a question to the cache or
the database on each call, would cost more than the call's own verification and make every function depend on it.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.auth.keys import PublicKey, Signs, public_keys, signing_key
from shared.contract import ROLES, Caller
from shared.errors import Invalid, Unauthenticated
from shared.settings import settings

AUDIENCE = "bizosaas"
ALGORITHM = "EdDSA"
TYPE = "at+jwt"
ACCESS_SECONDS = 900
SERVICE_SECONDS = 300
LEEWAY_SECONDS = 5
LONGEST_TOKEN = 4096
REMEMBERED_TOKENS = 4096
#: How long a set of keys is believed, and how often an unknown `kid` may make us read them again.
KEYS_FRESH_SECONDS = 60
KEYS_RETRY_SECONDS = 5

# 64 bytes are 85 characters and one more that carries 2 bits: only A, Q, g and w spell it without spare bits.
_SHAPE = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
_Seconds = Annotated[int, Field(ge=0, le=2**53)]


class Claims(BaseModel):
    """What every token says. `sid` and `tenant` may be "" for AGENT only."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    sub: Annotated[str, Field(min_length=1, max_length=200)]
    tenant: Annotated[str, Field(max_length=100)]
    role: Annotated[str, Field(pattern=rf"^({'|'.join(ROLES)})$")]
    sid: Annotated[str, Field(max_length=64)]
    jti: Annotated[str, Field(min_length=1, max_length=64)]
    iat: _Seconds
    nbf: _Seconds
    exp: _Seconds


class Verifier:
    """Verifies tokens and remembers the good ones until they expire. Safe for several threads."""

    def __init__(
        self,
        keys: Callable[[], Mapping[str, PublicKey]],
        issuer: str,
        *,
        clock: Callable[[], float] = time.time,
        size: int = REMEMBERED_TOKENS,
    ) -> None:
        """`keys` reads the public keys by `kid`; `clock` gives seconds since 1970; `size` bounds the memory."""
        self._read_keys = keys
        self._issuer = issuer
        self._clock = clock
        self._size = size
        self._keys: Mapping[str, PublicKey] = {}
        self._keys_read_at = float("-inf")
        self._known: dict[bytes, Caller] = {}
        self._lock = threading.Lock()

    def verify(self, token: bytes | str, at: float | None = None) -> Caller:
        """The caller that a token names. Raises `Unauthenticated`, `TryAgain` when the keys are not in place.

        `at`, in seconds since 1970, is when the token was handed in, for what waited since: its end is judged as of
        then, all else as of now.
        """
        raw = token if isinstance(token, bytes) else token.encode("utf-8", "replace")
        at = self._clock() if at is None else at
        caller = self._known.get(raw)
        if caller is None:
            caller = self._check(raw, at)
            self._remember(raw, caller)
        elif at >= caller.expires_at + LEEWAY_SECONDS:
            self._known.pop(raw, None)
            raise _expired()
        return caller

    def _remember(self, raw: bytes, caller: Caller) -> None:
        with self._lock:
            while len(self._known) >= self._size:
                self._known.pop(next(iter(self._known)), None)  # the oldest entry
            self._known[raw] = caller

    def _check(self, raw: bytes, at: float) -> Caller:
        if len(raw) > LONGEST_TOKEN or not _SHAPE.fullmatch(raw):
            raise _refused()
        key, payload = self._signed(raw)
        try:
            claims = Claims.model_validate(payload)
        except ValidationError:
            raise _refused() from None
        for_service = claims.role == "AGENT"
        if for_service != (key.signs == "service") or not (for_service or (claims.tenant and claims.sid)):
            raise _refused()
        if max(claims.nbf, claims.iat) > self._clock() + LEEWAY_SECONDS:
            raise _refused()
        if at >= claims.exp + LEEWAY_SECONDS:
            raise _expired()
        return Caller(claims.sub, claims.tenant, claims.role, claims.sid, claims.jti, float(claims.exp))

    def _signed(self, raw: bytes) -> tuple[PublicKey, dict[str, Any]]:
        import jwt  # 0.1 s: only a function that meets a new token pays

        # Times are checked by `_check`, with the same clock as the remembered tokens.
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "strict_aud": True}
        options["require"] = ["iss", "aud"]
        try:
            header = jwt.get_unverified_header(raw)
            key = self._key(header.get("kid"))
            if header.get("typ") != TYPE:
                raise _refused()
            payload = jwt.decode(raw, key.key, [ALGORITHM], options, audience=AUDIENCE, issuer=self._issuer)
        except (jwt.PyJWTError, ValueError, RecursionError):  # ValueError: header or payload that is no JSON text
            raise _refused() from None
        return key, payload

    def _key(self, kid: object) -> PublicKey:
        if not isinstance(kid, str):
            raise _refused()
        age = self._clock() - self._keys_read_at
        if not 0 <= age < KEYS_FRESH_SECONDS or (kid not in self._keys and age >= KEYS_RETRY_SECONDS):
            fresh = self._read_keys()
            with self._lock:
                if self._keys.keys() - fresh.keys():
                    self._known.clear()  # a key was withdrawn: so is what it vouched for
                self._keys, self._keys_read_at = fresh, self._clock()
        key = self._keys.get(kid)
        if key is None:
            raise _refused()
        return key


def _refused() -> Unauthenticated:
    return Unauthenticated("the access token is not valid")  # never which step failed: that would guide a forger


def _expired() -> Unauthenticated:
    return Unauthenticated("the access token has expired: refresh it or sign in again")


@cache
def verifier() -> Verifier:
    """The verifier of this process, for the issuer and the secrets folder of its settings."""
    own = settings()
    return Verifier(lambda: public_keys(own.secrets), own.issuer)


def verify(token: bytes | str, at: float | None = None) -> Caller:
    """The caller that a token names; about a microsecond for one that was seen before. `at`: see `Verifier.verify`.
    Raises `Unauthenticated`."""
    return verifier().verify(token, at)


def issue_access(*, user_id: str, tenant: str, role: str, session_id: str, ttl: int = ACCESS_SECONDS) -> str:
    """A person's access token for `ttl` seconds. Raises `Invalid` for the role AGENT, `TryAgain` without a key."""
    if role not in ROLES or role == "AGENT" or not tenant or not session_id:
        raise Invalid.field("role", "a person's token needs a tenant, a session and a person's role")
    return _sign("user", sub=user_id, tenant=tenant, role=role, sid=session_id, ttl=ttl)


_service_tokens: dict[tuple[str, str, int], tuple[str, float]] = {}


def service_token(tenant: str = "", name: str = "service", ttl: int = SERVICE_SECONDS) -> str:
    """A token of role AGENT for a part of the platform, good for at least a fifth of `ttl` seconds from now.

    Kept and handed out again while it is. Raises `TryAgain` when the service key is not in place.
    """
    now = time.time()
    token, renew_at = _service_tokens.get((tenant, name, ttl), ("", 0.0))
    if not token or not renew_at - ttl <= now < renew_at:
        token = _sign("service", sub=f"service:{name}", tenant=tenant, role="AGENT", sid="", ttl=ttl)
        if len(_service_tokens) >= REMEMBERED_TOKENS:
            _service_tokens.clear()
        _service_tokens[tenant, name, ttl] = (token, now + ttl * 0.8)
    return token


def _sign(signs: Signs, *, sub: str, tenant: str, role: str, sid: str, ttl: int) -> str:
    import jwt

    now = int(time.time())
    claims = Claims(
        sub=sub, tenant=tenant, role=role, sid=sid, jti=secrets.token_hex(16), iat=now, nbf=now, exp=now + ttl
    )
    own = settings()
    key = signing_key(own.secrets, signs)
    payload = {"iss": own.issuer, "aud": AUDIENCE, **claims.model_dump()}
    return jwt.encode(payload, key.private, ALGORITHM, {"kid": key.kid, "typ": TYPE})
