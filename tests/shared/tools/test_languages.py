"""Languages told by script and function words; the hint where they do not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tools.languages import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "en"),
        ("Please send me an invoice.", "en"),
        ("Wo ist meine Bestellung?", "de"),
        ("Où est ma commande ?", "fr"),
        ("¿Dónde está mi pedido?", "es"),
        ("Non ho ancora ricevuto il pacco.", "it"),
        ("Gdzie jest moje zamówienie?", "pl"),
        ("Waar is mijn bestelling?", "nl"),
        ("Não recebi o meu pedido ainda.", "pt"),
        ("Jag har inte fått mitt paket.", "sv"),
        ("En ole saanut pakettia vielä.", "fi"),
        ("Ještě jsem nedostal balík, co se s ním stalo?", "cs"),
        ("Я не получил посылку, верните мне деньги.", "ru"),
        ("Я ще не отримав посилку, що з нею?", "uk"),
        ("Πού είναι η παραγγελία μου;", "el"),
        ("注文はどこですか？", "ja"),
        ("我的订单在哪里？", "zh"),
        ("제 주문은 어디에 있나요?", "ko"),
        ("איפה ההזמנה שלי?", "he"),
        ("أين هو طلبي؟ لم يصل بعد إلى هذا العنوان", "ar"),
    ],
)
def test_a_plain_question_tells_its_language(text: str, language: str) -> None:
    assert detect_language(text).language == language


def test_hits_say_how_many_words_speak_for_it() -> None:
    found = detect_language("Wo ist meine Bestellung?")
    assert (found.hits, found.words) == (3, 4)


@pytest.mark.parametrize(
    ("text", "hint", "language"),
    [
        ("Rechnung 1042", "de-DE", "de"),
        ("Rechnung 1042", None, None),
        (
            "Jeg har ikke fått pakken min ennå.",
            "nb-NO",
            "nb",
        ),  # as good Danish as Norwegian by function words
        ("Jeg har ikke fått pakken min ennå.", None, None),
        ("", "fr", "fr"),
        ("😡", "fr", "fr"),
        ("Invoice", "ja-JP", None),  # Latin letters are no Japanese
        ("Invoice", "sw", "sw"),  # nothing known about its script
    ],
)
def test_the_hint_counts_only_where_the_text_does_not_say(text: str, hint: str | None, language: str | None) -> None:
    assert detect_language(text, hint).language == language


def test_the_text_is_believed_against_the_hint() -> None:
    assert detect_language("Where is my order?", "de").language == "en"


def test_japanese_with_few_kana_among_latin_names_is_not_decided_by_them() -> None:
    assert detect_language("The パ button on my camera does not work and I want to know why").language == "en"


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    found = detect_language(text)
    assert 0 <= found.hits <= found.words


def test_five_megabytes_are_sampled() -> None:
    assert detect_language("where is my order " * 280_000).language == "en"
