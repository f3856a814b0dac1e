"""The signing keys: Ed25519, one for users' tokens and one for the platform's own, as files that processes share.

`user-signing-key.pem` and `service-signing-key.pem` (PKCS 8, mode 0600) sign. `jwks.json` holds the public halves
for whoever only verifies: a JWK Set (RFC 7517; OKP keys of RFC 8037; `kid` is the RFC 7638 thumbprint) whose extra
member `signs` says which tokens a key is for. After a rotation the previous key stays in it.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from shared.errors import Invalid, TryAgain

if TYPE_CHECKING:  # importing cryptography costs 20 ms, and only a cold verification or a signature needs it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Signs = Literal["user", "service"]
KINDS: tuple[Signs, ...] = get_args(Signs)
JWKS = "jwks.json"
PUBLISHED = ("kty", "crv", "x", "kid", "use", "alg")
#: The current key and the one before: access tokens live for minutes, so an older one has nothing left to verify.
GENERATIONS = 2


@dataclass(frozen=True)
class SigningKey:
    """A private key and the id that its tokens carry."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True)
class PublicKey:
    """A public key and which tokens it is for."""

    kid: str
    signs: Signs
    key: Ed25519PublicKey


def ensure_keys(folder: Path) -> None:
    """Make what is missing in the secrets folder; nothing is written when all is there (a read-only mount is fine).

    Processes that start together agree: a lock file lets one make the keys, the others find them made.
    """
    if _complete(folder):
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder):
        for signs in KINDS:
            if not _private_file(folder, signs).exists():
                _write(_private_file(folder, signs), _new_private_key(), 0o600)
        _publish(folder, [_jwk(signing_key(folder, signs), signs) for signs in KINDS])


def rotate(folder: Path, signs: Signs) -> str:
    """Replace a signing key and return the new `kid`; tokens of the previous key stay good. Needs `ensure_keys` first.

    The public half is published before anything is signed with the private one.
    """
    with _locked(folder):
        pem = _new_private_key()
        key = _read_private_key(pem)
        _publish(folder, [_jwk(key, signs)])
        _write(_private_file(folder, signs), pem, 0o600)
    return key.kid


def signing_key(folder: Path, signs: Signs) -> SigningKey:
    """The private key of a kind. Raises `TryAgain` when its file is not there (yet)."""
    try:
        return _read_private_key(_private_file(folder, signs).read_bytes())
    except FileNotFoundError:
        raise TryAgain(f"the {signs} signing key is not in place", retry_after=5) from None


def public_keys(folder: Path) -> dict[str, PublicKey]:
    """All keys to verify with, by `kid`. Raises `TryAgain` when there is no key set, `Invalid` for a broken one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    found = {}
    for jwk in _read_jwks(folder):
        signs = next((kind for kind in KINDS if kind == jwk["signs"]), None)
        try:
            raw = base64.urlsafe_b64decode(jwk["x"] + "=")  # 43 characters, the padding left away
            key = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError:
            raise Invalid.field(JWKS, "x must be the 32 bytes of an Ed25519 public key in base64url") from None
        if signs is None or thumbprint(raw) != jwk["kid"]:
            raise Invalid.field(JWKS, "each key needs its RFC 7638 thumbprint as kid, and signs: user or service")
        found[jwk["kid"]] = PublicKey(jwk["kid"], signs, key)
    return found


def published(folder: Path) -> list[dict[str, str]]:
    """The JWKs for the world: users' keys only. A service's token never leaves the platform, so nobody outside has
    a reason to accept one."""
    return [{name: jwk[name] for name in PUBLISHED} for jwk in _read_jwks(folder) if jwk["signs"] == "user"]


def thumbprint(public: bytes) -> str:
    """The RFC 7638 thumbprint (SHA-256, base64url) of an Ed25519 public key given as its 32 bytes (RFC 8037, 2)."""
    required = {"crv": "Ed25519", "kty": "OKP", "x": _encode(public)}
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return _encode(hashlib.sha256(text.encode()).digest())


def _complete(folder: Path) -> bool:
    try:
        known = {jwk["kid"] for jwk in _read_jwks(folder)}
        return all(signing_key(folder, signs).kid in known for signs in KINDS)
    except TryAgain:
        return False


def _private_file(folder: Path, signs: Signs) -> Path:
    return folder / f"{signs}-signing-key.pem"


def _new_private_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_private_key(pem: bytes) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(pem, password=None)
    except ValueError:
        raise Invalid.field("signing key", "must be a PKCS 8 private key in PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise Invalid.field("signing key", "must be an Ed25519 key")
    return SigningKey(thumbprint(private.public_key().public_bytes_raw()), private)


def _jwk(key: SigningKey, signs: Signs) -> dict[str, str]:
    x = _encode(key.private.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key.kid, "use": "sig", "alg": "EdDSA", "signs": signs}


def _read_jwks(folder: Path) -> list[dict[str, str]]:
    try:
        document: Any = json.loads((folder / JWKS).read_bytes())
        return [{name: str(jwk[name]) for name in (*PUBLISHED, "signs")} for jwk in document["keys"]]
    except FileNotFoundError:
        raise TryAgain("the public keys are not in place", retry_after=5) from None
    except (ValueError, KeyError, TypeError):
        raise Invalid.field(JWKS, f"must be a JWK Set whose keys have {', '.join(PUBLISHED)}, signs") from None


def _publish(folder: Path, newest: list[dict[str, str]]) -> None:
    older = _read_jwks(folder) if (folder / JWKS).exists() else []
    kids = {jwk["kid"] for jwk in newest}
    everything = newest + [jwk for jwk in older if jwk["kid"] not in kids]
    kept: list[dict[str, str]] = []
    for signs in KINDS:
        kept += [jwk for jwk in everything if jwk["signs"] == signs][:GENERATIONS]
    _write(folder / JWKS, json.dumps({"keys": kept}, indent=2).encode() + b"\n", 0o644)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / ".keys.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, or the process dies
        yield


def _write(path: Path, content: bytes, mode: int) -> None:
    # mkstemp makes the file with 0600; a reader sees the old file or the whole new one, after a crash too
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
