"""A tenant's snippets and phrases stand over ours; what cannot work is named."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.tools.reply_settings import PHRASE_NAMES, read_reply_settings
from shared.tools.tables.reply_snippets import PHRASES, SNIPPETS, Snippet


def test_a_tenant_that_says_nothing_has_ours() -> None:
    found = read_reply_settings({})
    assert (found.snippets, found.phrases, found.hosts, found.sender) == (SNIPPETS, PHRASES, [], "")


def test_a_snippet_of_the_same_id_takes_ours_place_and_an_empty_text_takes_it_away() -> None:
    own = [
        {"id": "planned", "category": "order_status", "text": "Soon: {ship_date}.", "questions": ["where is it"]},
        {"id": "reset", "text": ""},
        {"id": "opening", "text": "We are open."},
    ]
    found = read_reply_settings({"snippets": {"en": own}}).snippets
    assert found["en"][:2] == (
        Snippet("planned", "order_status", "Soon: {ship_date}.", ("where is it",)),
        Snippet("opening", "other", "We are open."),
    )
    kept = [snippet for snippet in SNIPPETS["en"] if snippet.id not in ("planned", "reset")]
    assert list(found["en"][2:]) == kept
    assert found["de"] == SNIPPETS["de"]


def test_single_phrases_change_and_a_new_language_brings_all_of_its_own() -> None:
    french = {name: f"{name}." for name in PHRASE_NAMES}
    found = read_reply_settings({"phrases": {"en": {"close": "Cheers"}, "fr-FR": french}}).phrases
    assert (found["en"].close, found["en"].greeting) == ("Cheers", PHRASES["en"].greeting)
    assert found["fr"].close == "close."


def test_sender_hosts_and_phones_are_the_shops_own() -> None:
    found = read_reply_settings(
        {
            "locale": "en_GB",
            "sender": {"name": "Shop", "email": "help@shop.example"},
            "allowed_hosts": ["shop.example"],
            "phones": ["+49 30 123456"],
        }
    )
    assert (found.locale, found.sender, found.hosts) == ("en_GB", "Shop", ["shop.example"])
    assert (found.shop.emails, found.shop.phones) == (["help@shop.example"], ["+49 30 123456"])


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"snippets": ["x"]}, "snippets: must be an object"),
        ({"snippets": {"en": [{"text": "x"}]}}, r"snippets.en\[0\].id: is required"),
        ({"snippets": {"en": [{"id": "x", "text": "{0}"}]}}, "snippets.x: may have only placeholders"),
        ({"snippets": {"en": [{"id": "x", "text": "y" * 2001}]}}, "at most 2000"),
        ({"snippets": {"en": [{"id": "x", "text": "y", "questions": "z"}]}}, "questions: must be a list of texts"),
        ({"snippets": {"": []}}, "must be a language"),
        ({"phrases": {"fr": {"close": "x"}}}, "phrases.fr.greeting: is required"),
        ({"phrases": {"en": {"bye": "x"}}}, "phrases.en.bye: must be one of greeting"),
        ({"phrases": {"en": {"close": 1}}}, "phrases.en.close: must be text"),
        ({"allowed_hosts": "shop.example"}, "allowed_hosts: must be a list of texts"),
        ({"sender": "Shop"}, "sender: must be an object"),
    ],
)
def test_what_cannot_work_is_named(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        read_reply_settings(document)
