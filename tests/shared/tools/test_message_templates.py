from __future__ import annotations

from typing import Any

import pytest

from shared.errors import Invalid
from shared.tools.localised import plural_form
from shared.tools.message_templates import find_template, product_templates, read_templates
from shared.tools.order_facts import MESSAGE_KINDS

OWN = {"subject": "Hi", "body": ["We have it."]}


def test_the_product_speaks_four_languages_in_every_kind_and_channel() -> None:
    templates = product_templates()
    assert set(templates) == {"en", "de", "fr", "pl"}
    for wording in templates.values():
        assert set(wording.kinds) == set(MESSAGE_KINDS)
        assert all(template.body and template.sms for template in wording.kinds.values())


def test_every_plural_word_has_each_form_that_its_language_uses() -> None:
    for language, wording in product_templates().items():
        used = {plural_form(count, language) for count in [*range(200), 1_000_000]}
        assert set(wording.words) == {"items", "missing", "sent"}
        for forms in wording.words.values():
            assert used | {"other"} == set(forms)


def test_all_languages_say_the_same_things() -> None:
    """Each paragraph names the same facts under the same condition as in English, the name aside."""
    english = product_templates()["en"].kinds

    def told(paragraphs: Any) -> list[Any]:
        facts = [(one.condition, "".join(one.wordings).split("{")[1:]) for one in paragraphs]
        pairs = [(condition, [part.split("}")[0] for part in parts]) for condition, parts in facts]
        return [(condition, keys) for condition, keys in pairs if keys and keys != ["name"]]

    for wording in product_templates().values():
        for kind, template in wording.kinds.items():
            assert told(template.body) == told(english[kind].body)


@pytest.mark.parametrize(
    ("locale", "written_in", "language"),
    [
        ("de-DE", "de_DE", "de"),
        ("de-AT", "de_AT", "de"),
        ("pl", "pl", "pl"),
        ("ja-JP", "fr_BE", "fr"),
        ("rubbish", "fr_BE", "fr"),
        (None, "fr_BE", "fr"),
    ],
)
def test_the_locale_then_its_language_then_the_default_of_the_tenant(
    locale: str | None, written_in: str, language: str
) -> None:
    found = find_template("shipped", locale, {}, "fr-BE")
    assert found.locale == written_in
    assert found.template == product_templates()[language].kinds["shipped"]


def test_a_default_without_templates_ends_in_english() -> None:
    assert find_template("shipped", "ja-JP", {}, "ko").locale == "en"


def test_the_tenant_goes_first_kind_by_kind() -> None:
    own = read_templates({"de": {"shipped": OWN}, "de-AT": {"cancelled": OWN}, "ja": {"shipped": OWN}})
    product = product_templates()["de"].kinds
    assert find_template("shipped", "de-DE", own, "en").template.subject == "Hi"
    assert find_template("shipped", "de-AT", own, "en").template.subject == "Hi"
    assert find_template("cancelled", "de-AT", own, "en").template.subject == "Hi"
    assert find_template("cancelled", "de-DE", own, "en").template == product["cancelled"]
    assert find_template("shipped", "ja-JP", own, "en").locale == "ja_JP"
    assert find_template("cancelled", "ja-JP", own, "en").locale == "en"


def test_the_words_of_a_tenant_go_before_those_of_the_product() -> None:
    own = read_templates({"de-AT": {"words": {"items": {"other": "{n} Sachen"}}}})
    assert find_template("shipped", "de-AT", own, "en").words["items"] == {"other": "{n} Sachen"}
    assert find_template("shipped", "de-DE", own, "en").words["items"]["one"] == "{n} Artikel"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"klingon": {}}, "templates.klingon"),
        ({"de": []}, "templates.de"),
        ({"de": {"lost": OWN}}, "templates.de.lost"),
        ({"de": {"shipped": {"body": ["x"]}}}, "templates.de.shipped.subject"),
        ({"de": {"shipped": {"subject": "x"}}}, "templates.de.shipped.body"),
        ({"de": {"shipped": {**OWN, "subject": "{discount}"}}}, "templates.de.shipped.subject"),
        ({"de": {"shipped": {**OWN, "body": ["x", "{must_offer_cancel}"]}}}, "templates.de.shipped.body[1]"),
        ({"de": {"shipped": {**OWN, "body": ["{total#items}"]}}}, "templates.de.shipped.body[0]"),
        ({"de": {"shipped": {**OWN, "body": ["{ total }"]}}}, "templates.de.shipped.body[0]"),
        ({"de": {"shipped": {**OWN, "body": ["{total"]}}}, "templates.de.shipped.body[0]"),
        ({"de": {"shipped": {**OWN, "body": [["x", 1]]}}}, "templates.de.shipped.body[0]"),
        ({"de": {"shipped": {**OWN, "body": [[]]}}}, "templates.de.shipped.body[0]"),
        ({"de": {"shipped": {**OWN, "body": 5}}}, "templates.de.shipped.body"),
        (
            {"de": {"shipped": {**OWN, "body": [{"if": "total", "text": "x"}]}}},
            "templates.de.shipped.body[0].if",
        ),
        ({"de": {"words": {"items": {"one": "{n}"}}}}, "templates.de.words.items.other"),
    ],
)
def test_a_template_that_could_not_be_written_is_refused_when_it_is_read(data: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_templates(data)
    assert refused.value.problems[0].field == field


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid, match="kind"):
        find_template("lost", "de", {}, "en")
