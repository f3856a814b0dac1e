"""Access tokens: what is issued is accepted, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.auth import keys, tokens
from shared.contract import Caller
from shared.errors import Invalid, TryAgain, Unauthenticated

pytestmark = pytest.mark.stores("sqlite")  # no token is in a database
ISSUER = "https://bizosaas.local"
PERSON = {"user_id": "user-1", "tenant": "demo", "role": "USER", "session_id": "session-1"}
NOT_VALID = "the access token is not valid"
same_world = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": "bizosaas",
        "sub": "user-1",
        "tenant": "demo",
        "role": "USER",
        "sid": "session-1",
        "jti": "token-1",
        "iat": now,
        "nbf": now,
        "exp": now + 900,
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


@pytest.fixture
def signed(secrets: Path) -> Callable[..., str]:
    """Sign any payload and header with our own keys, so that only the content is wrong."""

    def sign(payload: dict[str, Any], *, by: keys.Signs = "user", **header: Any) -> str:
        key = keys.signing_key(secrets, by)
        named = {"alg": "EdDSA", "kid": key.kid, "typ": "at+jwt"} | header
        parts = ({name: value for name, value in named.items() if value is not ...}, payload)
        body = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return body + "." + encoded(key.private.sign(body.encode()))

    return sign


def refused(token: bytes | str, reason: str = NOT_VALID) -> None:
    with pytest.raises(Unauthenticated) as raised:
        tokens.verify(token)
    assert raised.value.detail == reason


@pytest.mark.usefixtures("secrets")
class TestIssuedTokens:
    def test_a_persons_token_names_the_person(self) -> None:
        """What was issued comes back, with its own id and its end after 15 minutes."""
        before = time.time()
        caller = tokens.verify(tokens.issue_access(**PERSON))
        assert caller == Caller("user-1", "demo", "USER", "session-1", caller.token_id, caller.expires_at)
        assert len(caller.token_id) == 32
        assert before - 1 + 900 <= caller.expires_at <= time.time() + 900

    def test_another_library_call_reads_it_as_the_specifications_say(self, secrets: Path) -> None:
        """Header and claims as JSON: alg, kid, typ; iss, aud, exp, iat, nbf, jti, sub, tenant, role, sid."""
        header, payload, signature = tokens.issue_access(**PERSON).split(".")
        assert json.loads(base64.urlsafe_b64decode(header + "==")) == {
            "alg": "EdDSA",
            "kid": keys.signing_key(secrets, "user").kid,
            "typ": "at+jwt",
        }
        content = json.loads(base64.urlsafe_b64decode(payload + "=="))
        assert set(content) == {"iss", "aud", "exp", "iat", "nbf", "jti", "sub", "tenant", "role", "sid"}
        assert (content["iss"], content["aud"], content["exp"] - content["iat"]) == (ISSUER, "bizosaas", 900)
        public = keys.signing_key(secrets, "user").private.public_key()
        public.verify(base64.urlsafe_b64decode(signature + "=="), f"{header}.{payload}".encode())

    @pytest.mark.parametrize("change", [{"role": "AGENT"}, {"role": "ROOT"}, {"tenant": ""}, {"session_id": ""}])
    def test_a_person_is_no_agent_and_belongs_somewhere(self, change: dict[str, str]) -> None:
        """The user key never signs for AGENT, nor without tenant or session."""
        with pytest.raises(Invalid, match="role"):
            tokens.issue_access(**(PERSON | change))

    def test_a_service_token_is_an_agents_for_five_minutes(self) -> None:
        """Role AGENT, no session, the tenant if one was given."""
        caller = tokens.verify(tokens.service_token("demo", "dispatch"))
        assert (caller.user_id, caller.tenant, caller.role, caller.session_id) == (
            "service:dispatch",
            "demo",
            "AGENT",
            "",
        )
        assert caller.is_service
        assert 298 <= caller.expires_at - time.time() <= 300
        assert tokens.verify(tokens.service_token()).tenant == ""

    def test_a_service_token_is_kept_until_near_its_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same token for four minutes, another one then; one for each tenant and name."""
        start = time.time()
        first = tokens.service_token("demo")
        assert tokens.service_token("demo") == first
        assert tokens.service_token("other") != first
        assert tokens.service_token("demo", "bridge") != first
        monkeypatch.setattr(tokens.time, "time", lambda: start + 238)
        assert tokens.service_token("demo") == first
        monkeypatch.setattr(tokens.time, "time", lambda: start + 242)
        assert tokens.service_token("demo") != first

    def test_text_and_bytes_are_the_same_token(self) -> None:
        """Headers come as bytes, answers as text."""
        token = tokens.issue_access(**PERSON)
        assert tokens.verify(token) is tokens.verify(token.encode())


class TestForgedTokens:
    def test_the_reference_payload_is_good(self, signed: Callable[..., str]) -> None:
        """The payload that the tests below change in one place is accepted unchanged."""
        assert tokens.verify(signed(claims())).user_id == "user-1"

    def test_a_signature_of_another_key_is_refused(self, secrets: Path) -> None:
        """A stranger's key under our kid."""
        header = {"kid": keys.signing_key(secrets, "user").kid, "typ": "at+jwt"}
        refused(jwt.encode(claims(), Ed25519PrivateKey.generate(), "EdDSA", header))

    def test_alg_none_is_refused(self, secrets: Path) -> None:
        """Neither without a signature nor with 64 bytes of something."""
        header = {"alg": "none", "kid": keys.signing_key(secrets, "user").kid, "typ": "at+jwt"}
        body = encoded(json.dumps(header).encode()) + "." + encoded(json.dumps(claims()).encode())
        refused(body + ".")
        refused(body + "." + encoded(bytes(64)))

    def test_an_hmac_with_the_public_key_is_refused(self, secrets: Path) -> None:
        """alg HS256 (and HS512, whose tag has the size of our signatures) keyed with each form of the public key."""
        key = keys.signing_key(secrets, "user")
        public = key.private.public_key()
        forms = [
            public.public_bytes_raw(),
            encoded(public.public_bytes_raw()).encode(),
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ]
        for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            header = encoded(json.dumps({"alg": name, "kid": key.kid, "typ": "at+jwt"}).encode())
            body = header + "." + encoded(json.dumps(claims()).encode())
            for form in forms:
                refused(body + "." + encoded(hmac.new(form, body.encode(), digest).digest()))

    @pytest.mark.parametrize("header", [{"kid": "unknown"}, {"kid": ...}, {"typ": "JWT"}, {"typ": ...}])
    def test_a_header_without_our_kid_and_type_is_refused(
        self, signed: Callable[..., str], header: dict[str, Any]
    ) -> None:
        """An unknown or missing kid, a token of another type signed with our key."""
        refused(signed(claims(), **header))

    @pytest.mark.parametrize("name", ["iss", "aud", "sub", "tenant", "role", "sid", "jti", "iat", "nbf", "exp"])
    @pytest.mark.parametrize("value", [..., None, "", 1.5, True, ["demo"], {}, -1, "x" * 300])
    def test_a_claim_that_is_missing_or_of_another_type_is_refused(
        self, signed: Callable[..., str], name: str, value: Any
    ) -> None:
        """Each claim in turn, though the signature is ours."""
        refused(signed(claims(**{name: value})))

    @pytest.mark.parametrize("change", [{"iss": ISSUER + "/"}, {"aud": "other"}, {"aud": ["bizosaas", "other"]}])
    def test_a_token_for_or_from_somebody_else_is_refused(
        self, signed: Callable[..., str], change: dict[str, Any]
    ) -> None:
        """Issuer and audience match exactly; a list of audiences is not ours."""
        refused(signed(claims(**change)))

    def test_each_key_signs_for_its_own_kind_only(self, signed: Callable[..., str]) -> None:
        """The user key with role AGENT and the service key with any person's role are refused."""
        refused(signed(claims(role="AGENT")))
        for role in ("SUPER_ADMIN", "TENANT_ADMIN", "USER", "READONLY"):
            refused(signed(claims(role=role), by="service"))
        assert tokens.verify(signed(claims(role="AGENT"), by="service")).role == "AGENT"

    @pytest.mark.parametrize("token", ["", "a.b", "a.b.c", ".." + "A" * 86, b"\xff.\xff.\xff", "é.ü.ß", "\ud800.a.b"])
    def test_rubbish_is_refused(self, secrets: Path, token: bytes | str) -> None:
        """No text makes anything but a 401."""
        refused(token)

    def test_an_oversize_token_is_refused_unread(self, signed: Callable[..., str]) -> None:
        """4096 bytes are the limit, though the signature is ours."""
        token = signed(claims(filler="x" * 3000))
        assert len(token) > 4096
        refused(token)
        shorter = signed(claims(filler="x" * 2000))
        assert len(shorter) < 4096
        assert tokens.verify(shorter).user_id == "user-1"

    def test_a_nested_payload_is_refused(self, signed: Callable[..., str], secrets: Path) -> None:
        """A header of a thousand brackets."""
        refused(encoded(b"[" * 1500) + ".e30." + "A" * 86)

    def test_no_reason_tells_a_forger_more_than_another(self, signed: Callable[..., str]) -> None:
        """The problem on the wire holds neither the token nor the step that failed."""
        token = signed(claims(iss="https://evil.example"))
        with pytest.raises(Unauthenticated) as raised:
            tokens.verify(token)
        assert str(raised.value) == NOT_VALID
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__

    @given(data=st.data())
    @same_world
    def test_any_mutated_token_is_refused(self, secrets: Path, data: st.DataObject) -> None:
        """One byte changed, added or left away, anywhere, to anything: refused. Also other spellings of base64."""
        good = tokens.issue_access(**PERSON).encode()
        at = data.draw(st.integers(0, len(good) - 1))
        byte = data.draw(st.binary(min_size=1, max_size=1))
        mutated = data.draw(
            st.sampled_from(
                [
                    good[:at] + byte + good[at + 1 :],
                    good[:at] + byte + good[at:],
                    good[:at] + good[at + 1 :],
                    good[:at] + good[at + 1 : at + 2] + good[at : at + 1] + good[at + 2 :],
                    good[: at + 1],
                    good + byte,
                    good + good[at:],
                ]
            )
        )
        if mutated != good:
            refused(mutated)

    def test_the_signature_has_one_spelling(self, secrets: Path) -> None:
        """The last character carries 2 bits: the 15 others that decode to the same bytes are refused, so is padding."""
        good = tokens.issue_access(**PERSON)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        group = alphabet.index(good[-1]) // 16 * 16
        others = [letter for letter in alphabet[group : group + 16] if letter != good[-1]]
        assert len(others) == 15
        for letter in others:
            refused(good[:-1] + letter)
        refused(good + "==")
        refused(good + "\n")

    @given(
        header=st.dictionaries(
            st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5u", "zip"]),
            st.one_of(
                st.sampled_from(["EdDSA", "none", "HS256", "ES256", "at+jwt"]),
                st.none(),
                st.integers(),
                st.lists(st.text(max_size=3), max_size=2),
                st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
            ),
        ),
        payload=st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5) | st.just({}),
        known=st.booleans(),
    )
    @same_world
    def test_no_header_makes_anything_but_a_refusal(
        self, secrets: Path, header: dict[str, Any], payload: Any, known: bool
    ) -> None:
        """Unsigned tokens with all kinds of headers, with our kid or without."""
        if known:
            header = header | {"kid": keys.signing_key(secrets, "user").kid}
        text = encoded(json.dumps(header).encode()) + "." + encoded(json.dumps(payload).encode())
        refused(text + "." + encoded(bytes(64)))


class Seconds:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.at = float(int(time.time()))

    def __call__(self) -> float:
        return self.at


class TestTimes:
    def verifier(self, secrets: Path, clock: Seconds, **more: Any) -> tokens.Verifier:
        return tokens.Verifier(lambda: keys.public_keys(secrets), ISSUER, clock=clock, **more)

    def test_a_token_ends_with_five_seconds_of_leeway(self, secrets: Path, signed: Callable[..., str]) -> None:
        """Good until exp + 5 s exclusive, on a first look and for a remembered token alike."""
        clock = Seconds()
        end = int(clock.at) + 900
        token = signed(claims(exp=end))
        remembering = self.verifier(secrets, clock)
        remembering.verify(token)
        for at, good in ((end - 1, True), (end + 4.9, True), (end + 5, False), (end + 5000, False)):
            clock.at = at
            for verifier in (remembering, self.verifier(secrets, clock)):
                if good:
                    assert verifier.verify(token).user_id == "user-1"
                else:
                    with pytest.raises(Unauthenticated, match="has expired"):
                        verifier.verify(token)

    def test_what_waited_is_judged_by_when_it_was_handed_in(self, secrets: Path, signed: Callable[..., str]) -> None:
        """On a first look and for a remembered token alike; handed in now, the same token is over. A clock that went
        behind ours when it was handed in does not make it a token from the future."""
        clock = Seconds()
        now, end = clock.at, int(clock.at) + 900
        token = signed(claims(exp=end))
        clock.at = end + 7 * 24 * 3600.0
        verifier = self.verifier(secrets, clock)
        for _ in range(2):
            assert verifier.verify(token, at=end + 4.9).user_id == "user-1"
            assert verifier.verify(token, at=now - 60).user_id == "user-1"
            with pytest.raises(Unauthenticated, match="has expired"):
                verifier.verify(token, at=end + 5.0)
            with pytest.raises(Unauthenticated, match="has expired"):
                verifier.verify(token)

    @pytest.mark.parametrize("name", ["nbf", "iat"])
    def test_a_token_from_the_future_is_refused(self, secrets: Path, signed: Callable[..., str], name: str) -> None:
        """nbf and iat may be 5 s ahead of our clock, not 6; and it is good when its time has come."""
        clock = Seconds()
        verifier = self.verifier(secrets, clock)
        token = signed(claims(**{name: int(clock.at) + 6}))
        with pytest.raises(Unauthenticated, match="not valid"):
            verifier.verify(token)
        clock.at += 1
        assert verifier.verify(token).user_id == "user-1"

    def test_a_good_token_is_checked_once(
        self, secrets: Path, signed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second time nothing is decoded; a refused token is not remembered as anything."""
        verifier = self.verifier(secrets, Seconds())
        good, bad = signed(claims()), signed(claims(aud="other"))
        calls = []
        decode = jwt.decode
        monkeypatch.setattr(jwt, "decode", lambda *args, **kwargs: calls.append(1) or decode(*args, **kwargs))
        assert verifier.verify(good) is verifier.verify(good)
        assert len(calls) == 1
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                verifier.verify(bad)
        assert len(calls) == 3

    def test_the_memory_is_bounded_and_forgets_the_oldest(self, secrets: Path, signed: Callable[..., str]) -> None:
        """Of four tokens in a memory for three the first is checked again."""
        verifier = self.verifier(secrets, Seconds(), size=3)
        four = [signed(claims(jti=f"token-{number}")) for number in range(4)]
        first = [verifier.verify(token) for token in four]
        assert verifier.verify(four[3]) is first[3]
        assert verifier.verify(four[1]) is first[1]
        assert verifier.verify(four[0]) is not first[0]

    def test_a_new_key_is_found_and_the_previous_one_still_accepted(self, secrets: Path) -> None:
        """A rotation while verifiers run: tokens of both keys are good, five seconds after the keys were read."""
        clock = Seconds()
        verifier = self.verifier(secrets, clock)
        old = tokens.issue_access(**PERSON)
        verifier.verify(old)
        keys.rotate(secrets, "user")
        new = tokens.issue_access(**PERSON)
        with pytest.raises(Unauthenticated):  # the keys were read this very second: an unknown kid has to wait
            verifier.verify(new)
        clock.at += tokens.KEYS_RETRY_SECONDS
        assert verifier.verify(new).user_id == "user-1"
        assert verifier.verify(old).user_id == "user-1"
        assert self.verifier(secrets, clock).verify(old).user_id == "user-1"

    def test_a_withdrawn_key_takes_its_remembered_tokens_with_it(
        self, secrets: Path, signed: Callable[..., str]
    ) -> None:
        """After two rotations the first key's tokens are refused as soon as the keys are read again."""
        clock = Seconds()
        verifier = self.verifier(secrets, clock)
        old = signed(claims())
        verifier.verify(old)
        keys.rotate(secrets, "user")
        keys.rotate(secrets, "user")
        new = signed(claims(jti="token-2"))
        clock.at += tokens.KEYS_RETRY_SECONDS
        verifier.verify(new)
        with pytest.raises(Unauthenticated):
            verifier.verify(old)

    def test_unknown_kids_do_not_make_us_read_the_disk_each_time(
        self, secrets: Path, signed: Callable[..., str]
    ) -> None:
        """Twenty tokens with made-up kids: one read."""
        reads = []

        def read() -> dict[str, keys.PublicKey]:
            reads.append(1)
            return keys.public_keys(secrets)

        verifier = tokens.Verifier(read, ISSUER, clock=Seconds())
        for number in range(20):
            with pytest.raises(Unauthenticated):
                verifier.verify(signed(claims(), kid=f"made-up-{number}"))
        assert len(reads) == 1


@pytest.mark.usefixtures("home")
def test_without_keys_it_is_try_again_and_not_a_refusal() -> None:
    """A verifier whose secrets are not mounted yet answers 503: the caller did nothing wrong."""
    with pytest.raises(TryAgain):
        tokens.verify(jwt.encode(claims(), Ed25519PrivateKey.generate(), "EdDSA", {"kid": "k", "typ": "at+jwt"}))


def test_importing_the_module_imports_neither_jwt_nor_cryptography() -> None:
    """They cost 0.1 s and stand where the first new token is met."""
    program = "import sys, shared.auth.tokens; sys.exit(any(name in sys.modules for name in ('jwt', 'cryptography')))"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
