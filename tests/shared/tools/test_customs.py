from __future__ import annotations

from dataclasses import dataclass

import pytest

from shared.tools.customs import crosses_customs, customs_area, missing_for_customs
from shared.tools.tables.territories import EEA, EU, SPECIAL_AREAS


@dataclass
class Line:
    hs_code: str | None
    has_value: bool


@pytest.mark.parametrize(
    ("origin", "destination", "declared"),
    [
        (("DE", "10115"), ("DE", "80331"), False),
        (("DE", "10115"), ("PL", "00-001"), False),
        (("FR", "06000"), ("MC", "98000"), False),
        (("CH", "8001"), ("LI", "9490"), False),
        (("GB", "SW1A 1AA"), ("IM", "IM1 1AA"), False),
        (("US", "10001"), ("PR", "00901"), False),
        (("DE", "10115"), ("CH", "8001"), True),
        (("DE", "10115"), ("GB", "SW1A 1AA"), True),
        (("DE", "10115"), ("NO", "0150"), True),  # in the EEA, not in the customs union
        (("DE", "10115"), ("TR", "34000"), True),  # a union with the EU, yet declared (A.TR)
        (("IE", "D01"), ("GB", "BT1 5GS"), False),
        (("GB", "SW1A 1AA"), ("GB", "bt1 5gs"), False),
        (("ES", "28001"), ("ES", "35001"), True),
        (("ES", "35001"), ("ES", "38001"), False),
        (("DE", "10115"), ("DE", "27498"), True),
        (("FR", "75001"), ("RE", "97400"), True),
    ],
)
def test_goods_are_declared_when_they_leave_a_customs_union(
    origin: tuple[str, str], destination: tuple[str, str], declared: bool
) -> None:
    assert crosses_customs(customs_area(*origin), customs_area(*destination)) is declared
    assert crosses_customs(customs_area(*destination), customs_area(*origin)) is declared


def test_an_operator_can_give_other_unions() -> None:
    assert crosses_customs("AE", "SA")
    assert not crosses_customs("AE", "SA", [{"AE", "SA"}])


def test_without_a_postal_code_a_country_is_taken_as_a_whole() -> None:
    assert customs_area("ES") == customs_area("ES", " ") == "ES"


def test_the_union_has_27_members_and_the_area_30() -> None:
    assert len(EU) == 27
    assert len(EEA) == 30
    assert set(SPECIAL_AREAS) <= EU | {"GB"}


@pytest.mark.parametrize("code", ["851712", "8517.12", "8517 12 00", "8517120090"])
def test_a_code_of_six_eight_or_ten_digits_names_the_goods(code: str) -> None:
    assert missing_for_customs(Line(code, True), "lines[0]") == []


@pytest.mark.parametrize("code", [None, "", "8517", "851712000", "phones"])
def test_anything_else_is_missing(code: str | None) -> None:
    assert missing_for_customs(Line(code, False), "lines[3]") == ["lines[3].hs_code", "lines[3].value"]
