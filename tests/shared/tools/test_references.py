"""References: only the customer's own orders, and amounts and dates as the locale writes them."""

from __future__ import annotations

from shared.tools.references import IdTemplates, find_references

TEXT = (
    "My order #1042 (and order no. 77), parcel RR123456785DE, cost €49.90 on 3 December 2026, "
    "not 4.12.2026; the page says error code 500."
)


def test_an_order_is_kept_only_if_it_is_the_customers_own() -> None:
    found = find_references(TEXT, ["1042", "2000"])
    assert found.order_ids == ("1042",)
    assert found.unknown_orders == ("77",)


def test_parcels_amounts_dates_and_error_codes_are_read() -> None:
    found = find_references(TEXT, [])
    assert found.tracking == ("RR123456785DE",)
    assert found.amounts == ("49.90 EUR",)
    assert found.dates[0] == "2026-12-03"
    assert found.error_codes == ("500",)


def test_amounts_and_dates_are_read_in_the_locale_of_the_customer() -> None:
    found = find_references("Bestellung 7 vom 03.12.2026 über 1.234,50 €, 24.12.", ["7"], locale="de_DE")
    assert found.order_ids == ("7",)
    assert found.amounts == ("1234.50 EUR",)
    assert found.dates == ("2026-12-03", "12-24")


def test_a_tenants_own_number_format_replaces_ours() -> None:
    templates = IdTemplates(order=("SO-{6d}",))
    assert find_references("SO-004711, order 1042", ["so-004711", "1042"], templates).order_ids == ("so-004711",)


def test_an_empty_text_refers_to_nothing() -> None:
    assert find_references("", ["1"]).order_ids == ()
