"""Signing keys: made once, shared by processes, rotated, published."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.auth import keys
from shared.errors import Invalid, TryAgain

# RFC 8037, appendix A.1 to A.4
RFC_PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_SIGNING_INPUT = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pem_of(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def kids(folder: Path) -> list[str]:
    return [jwk["kid"] for jwk in json.loads((folder / "jwks.json").read_text())["keys"]]


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    """Appendix A.3 gives the RFC 7638 thumbprint of the example key."""
    assert keys.thumbprint(decoded(RFC_PUBLIC)) == RFC_THUMBPRINT


def test_a_key_of_ones_own_is_taken_as_it_is(tmp_path: Path) -> None:
    """The example key of RFC 8037 as a mounted file gives its public half, its kid and its signature (A.2 to A.5)."""
    (tmp_path / "user-signing-key.pem").write_bytes(pem_of(Ed25519PrivateKey.from_private_bytes(decoded(RFC_PRIVATE))))
    keys.ensure_keys(tmp_path)
    key = keys.signing_key(tmp_path, "user")
    assert key.kid == RFC_THUMBPRINT
    assert key.private.sign(RFC_SIGNING_INPUT) == decoded(RFC_SIGNATURE)
    assert keys.published(tmp_path) == [
        {"kty": "OKP", "crv": "Ed25519", "x": RFC_PUBLIC, "kid": RFC_THUMBPRINT, "use": "sig", "alg": "EdDSA"}
    ]
    keys.public_keys(tmp_path)[RFC_THUMBPRINT].key.verify(decoded(RFC_SIGNATURE), RFC_SIGNING_INPUT)


def test_private_keys_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    """Files are 0600, the folder that we make is 0700."""
    folder = tmp_path / "secrets"
    keys.ensure_keys(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("user-signing-key.pem", "service-signing-key.pem"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (folder / "jwks.json").read_bytes()
    assert "d" not in json.loads((folder / "jwks.json").read_text())["keys"][0]


def test_processes_that_start_together_agree_on_the_keys(tmp_path: Path) -> None:
    """Four processes make keys in one folder at once: all end with the same ones, and no rubbish stays."""
    program = (
        "import pathlib, sys; from shared.auth import keys; folder = pathlib.Path(sys.argv[1]); sys.stdin.read(); "
        "keys.ensure_keys(folder); print(*(keys.signing_key(folder, k).kid for k in keys.KINDS))"
    )
    folder = tmp_path / "secrets"
    command = [sys.executable, "-c", program, str(folder)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in started:  # they wait for the end of their input, so that all go off together
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = {process.communicate(timeout=60)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert said == {" ".join(kids(folder))}
    assert sorted(path.name for path in folder.iterdir()) == [
        ".keys.lock",
        "jwks.json",
        "service-signing-key.pem",
        "user-signing-key.pem",
    ]


def test_a_complete_folder_is_not_written_to(tmp_path: Path) -> None:
    """A second start changes no file and makes none: a read-only mount is fine."""
    keys.ensure_keys(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.iterdir()]}
    keys.ensure_keys(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.iterdir()]} == before


def test_a_lost_key_set_is_made_again_from_the_private_keys(tmp_path: Path) -> None:
    """`jwks.json` is derived: without it the same keys are published again."""
    keys.ensure_keys(tmp_path)
    before = kids(tmp_path)
    (tmp_path / "jwks.json").unlink()
    keys.ensure_keys(tmp_path)
    assert kids(tmp_path) == before


def test_a_rotation_keeps_the_previous_key_and_no_older_one(tmp_path: Path) -> None:
    """After two rotations of the user key: the newest, the one before, and the service key untouched."""
    keys.ensure_keys(tmp_path)
    first, service = keys.signing_key(tmp_path, "user").kid, keys.signing_key(tmp_path, "service").kid
    second = keys.rotate(tmp_path, "user")
    assert kids(tmp_path) == [second, first, service]
    third = keys.rotate(tmp_path, "user")
    assert kids(tmp_path) == [third, second, service]
    assert keys.signing_key(tmp_path, "user").kid == third
    assert {kid: key.signs for kid, key in keys.public_keys(tmp_path).items()} == {
        third: "user",
        second: "user",
        service: "service",
    }


def test_the_service_key_is_not_published(tmp_path: Path) -> None:
    """The world sees users' keys only."""
    keys.ensure_keys(tmp_path)
    assert [jwk["kid"] for jwk in keys.published(tmp_path)] == [keys.signing_key(tmp_path, "user").kid]


def test_missing_keys_are_a_reason_to_try_again(tmp_path: Path) -> None:
    """A secret that is not mounted yet is 503, not 401."""
    with pytest.raises(TryAgain, match="user signing key"):
        keys.signing_key(tmp_path, "user")
    with pytest.raises(TryAgain, match="public keys"):
        keys.public_keys(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"kid": "somebody-else"},
        {"signs": "everything"},
        {"x": RFC_PUBLIC[:-4]},
        {"x": "!" * 43},
        {"x": RFC_PUBLIC},  # another key under this kid
    ],
)
def test_a_key_set_that_does_not_add_up_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    """A kid that is not the thumbprint, an unknown purpose, a key of the wrong size: named, not skipped."""
    keys.ensure_keys(tmp_path)
    document = json.loads((tmp_path / "jwks.json").read_text())
    document["keys"][0].update(change)
    (tmp_path / "jwks.json").write_text(json.dumps(document))
    with pytest.raises(Invalid, match=r"jwks\.json"):
        keys.public_keys(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"keys": [{}]}', '{"keys": 1}'])
def test_a_file_that_is_no_key_set_is_refused(tmp_path: Path, text: str) -> None:
    """A truncated or foreign jwks.json is an error that names the file."""
    (tmp_path / "jwks.json").write_text(text)
    with pytest.raises(Invalid, match=r"jwks\.json"):
        keys.public_keys(tmp_path)


def test_a_private_key_of_another_kind_is_refused_without_showing_it(tmp_path: Path) -> None:
    """RSA keys and rubbish are named as such; the message holds nothing of the file."""
    rsa = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content, rule in ((rsa, "Ed25519"), (b"rubbish-secret", "PEM")):
        (tmp_path / "user-signing-key.pem").write_bytes(content)
        with pytest.raises(Invalid, match=rule) as raised:
            keys.signing_key(tmp_path, "user")
        assert "rubbish-secret" not in str(raised.value)


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    """The representation of a signing key has its id and nothing else."""
    keys.ensure_keys(tmp_path)
    key = keys.signing_key(tmp_path, "user")
    assert repr(key) == f"SigningKey(kid={key.kid!r})"
