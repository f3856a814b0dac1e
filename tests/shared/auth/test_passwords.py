"""Passwords: argon2id at the cost of RFC 9106, the same work for nobody, the rules of NIST SP 800-63B."""

from __future__ import annotations

import argon2
import pytest

from shared.auth import passwords
from shared.errors import Invalid


def test_the_cost_is_the_second_recommended_option_of_rfc_9106() -> None:
    """Argon2id, 3 passes, 64 MiB, 4 lanes, a 128-bit salt and a 256-bit tag (section 4), read from a real hash."""
    found = argon2.extract_parameters(passwords.hash_password("correct horse"))
    assert found == argon2.profiles.RFC_9106_LOW_MEMORY


@pytest.mark.usefixtures("cheap_hashes")
class TestWithCheapHashes:
    def test_a_password_matches_its_own_hash_only(self) -> None:
        """Two hashes of one password differ and both match."""
        first, second = passwords.hash_password("correct horse"), passwords.hash_password("correct horse")
        assert first != second
        assert passwords.matches(first, "correct horse")
        assert passwords.matches(second, "correct horse")
        assert not passwords.matches(first, "correct horsf")

    def test_nothing_is_cut_off(self) -> None:
        """Two passwords of 1024 characters that differ in the last one are two passwords."""
        password_hash = passwords.hash_password("x" * 1023 + "a")
        assert not passwords.matches(password_hash, "x" * 1023 + "b")

    def test_the_same_characters_typed_differently_are_one_password(self) -> None:
        """A composed and a decomposed accent, a ligature and its letters (NFKC)."""
        password_hash = passwords.hash_password("caf\u00e9 \ufb01ve")
        assert passwords.matches(password_hash, "cafe\u0301 five")

    def test_nobody_costs_the_same_work_and_never_matches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One argon2 computation for a right password, a wrong one and an unknown user alike."""
        password_hash = passwords.hash_password("correct horse")
        count = 0
        low_level = argon2.low_level.hash_secret, argon2.low_level.verify_secret

        def counted(function):
            def call(*args, **kwargs):
                nonlocal count
                count += 1
                return function(*args, **kwargs)

            return call

        monkeypatch.setattr("argon2._password_hasher.hash_secret", counted(low_level[0]))
        monkeypatch.setattr("argon2._password_hasher.verify_secret", counted(low_level[1]))
        work = []
        for known, password in ((password_hash, "correct horse"), (password_hash, "wrong"), (None, "correct horse")):
            count = 0
            passwords.matches(known, password)
            work.append(count)
        assert work == [1, 1, 1]
        assert not passwords.matches(None, "correct horse")

    def test_a_hash_of_another_cost_is_to_be_made_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It still matches, and says that it is of yesterday."""
        password_hash = passwords.hash_password("correct horse")
        assert not passwords.needs_rehash(password_hash)
        monkeypatch.setattr(passwords, "COST", passwords.Cost(passes=2, memory=8, lanes=1))
        assert passwords.needs_rehash(password_hash)
        assert passwords.matches(password_hash, "correct horse")


@pytest.mark.parametrize(
    "password", ["12345678", "x" * 1023 + "y", "pass word with spaces", "пароль-лето", "🐎" * 7 + "🔋"]
)
def test_any_characters_and_8_to_1024_of_them_are_good(password: str) -> None:
    """Characters are code points, and there are no rules of composition."""
    passwords.check_rules(password)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("1234567", "8 to 1024"),
        ("🐎" * 6 + "🔋", "8 to 1024"),
        ("x" * 1024 + "y", "8 to 1024"),
        ("aaaaaaaa", "one character repeated"),
        ("Ann@Shop.Example", "own name or e-mail"),
    ],
)
def test_a_bad_password_is_refused_by_rule_and_not_repeated(password: str, rule: str) -> None:
    """The error names the field and the rule, never the password."""
    with pytest.raises(Invalid, match=rule) as raised:
        passwords.check_rules(password, field="new_password", names=("ann@shop.example",))
    assert raised.value.problems[0].field == "new_password"
    assert password not in str(raised.value)
