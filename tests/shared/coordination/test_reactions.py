"""The data of the tasks that events start: in the words of the roles' pages, and nothing of the event is lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.commerce import OrderPlaced
from events.registry import DOMAIN
from shared.coordination.reactions import FREE, begins, data_of, over, places, put
from shared.coordination.starts import OWN, STARTS, TOPICS, Start, starts_of
from tests.functions.gateway.samples import TOLD, WELCOME

pytestmark = pytest.mark.stores("sqlite")  # nothing here is stored
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WHEN = "2026-11-23T09:00:00+00:00"

# Role pages, "Reads": the fields with a star that the event can know, by event and role.
READS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("UserLoggedIn", "access_anomaly_detector"): {
        "login": {
            **{"user_id": "u-1", "session_id": "s-1", "method": "password"},
            **{"ip": "192.0.2.7", "at": WHEN, "success": True},
        }
    },
    ("PermissionGranted", "access_anomaly_detector"): {
        "grant": {"actor_id": "u-2", "target_id": "u-1", "role": "TENANT_ADMIN", "at": WHEN}
    },
    ("PermissionGranted", "compliance_checker"): {
        "scope": ["access"],
        "as_of": WHEN,
        "grants": [{"user_id": "u-1", "role": "TENANT_ADMIN", "granted_by": "u-2"}],
    },
    ("LeadCreated", "lead_scorer"): {
        **{"lead_id": "l-1", "email": "noor@example.org", "source": "fair", "created_at": WHEN}
    },
    ("PagePublished", "post_composer"): {
        "source": {"page_id": "p-1", "url": "https://shop.example/fleece", "title": "Fleece", "language": "en"},
        "job": "compose",
    },
    ("MediaUploaded", "media_captioner"): {
        "media": [{"id": "m-1", "path": "fleece.jpg", "mime": "image/jpeg", "bytes": 48213}]
    },
    ("ReviewPosted", "review_moderator"): {
        "review": {"id": "r-1", "business_id": "b-1", "stars": 2, "text": "Cold coffee.", "posted_at": WHEN}
    },
    ("LocationVerified", "listing_verifier"): {
        "listing": {"id": "b-1", "lat": 52.36},
        "proofs": [{"channel": "post", "target": "x-1", "at": WHEN, "matched": True}],
    },
    ("PriceChanged", "price_watcher"): {
        "sku": "FLEECE",
        "offer": {"seller": "s-9", "price": "11.20", "currency": "EUR", "at": WHEN},
    },
    ("StockUpdated", "stock_monitor"): {"sku": "FLEECE", "place": "w-1", "on_hand": 0, "reserved": 0, "at": WHEN},
    ("SignalGenerated", "risk_manager"): {
        "strategy_id": "h-1",
        "trade": {"symbol": "ACME"},
        "signal": {"id": "g-1", "direction": "long", "strength": 1.0},
    },
}


def row(event: str, role: str) -> Start:
    (found,) = [start for start in starts_of(WELCOME[event]) if start.role == role]
    return found


@pytest.mark.parametrize(("event", "role"), sorted(READS))
def test_the_data_stands_where_the_role_reads_it(event: str, role: str) -> None:
    told = WELCOME[event].model_validate(TOLD[event])
    assert data_of(row(event, role), told, AT) == READS[event, role]


# --- for every row and whatever a backend adds ----------------------------------------------------

NAMES = st.sampled_from(["x", "login", "offer", "proofs", "listing", "amount", "fills", "trade", "scope", "at"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)


def at(data: Any, place: str) -> Any:
    """What stands at a place."""
    for step in place.split("."):
        data = data[step.removesuffix("[]")]
        if step.endswith("[]"):
            (data,) = data
    return data


@given(st.sampled_from([start for start in STARTS if not start.again]), OBJECTS)
def test_nothing_of_an_event_is_lost(start: Start, free: dict[str, Any]) -> None:
    """Each field that says something stands at its place, whatever the free part says there; the free part stands
    where it belongs but for what a field says better; and what is fixed is so."""
    name = next((each for each in FREE if each in start.event.model_fields), None)
    event = start.event.model_validate(TOLD[start.event.__name__] | ({name: free} if name else {}))
    data = data_of(start, event, AT)
    for field, value in event.model_dump(mode="json", exclude={"masked", *FREE}).items():
        if value not in (None, "", []) and places(start)[field] not in start.fixed:
            assert at(data, places(start)[field]) == value
    for place, value in start.fixed.items():
        assert at(data, place) == value
    there = at(data, start.into) if start.into else data
    assert not name or free.keys() <= there.keys()


@given(OBJECTS, OBJECTS)
def test_of_two_objects_the_upper_one_counts(under: dict[str, Any], upper: dict[str, Any]) -> None:
    whole = over(under, upper)
    assert whole.keys() == under.keys() | upper.keys()
    assert over(whole, upper) == whole
    assert over(under, {}) == under
    assert over({}, upper) == upper
    for name, value in upper.items():
        if not isinstance(value, dict | list):
            assert whole[name] == value


def test_a_place_in_a_list_is_in_its_one_entry() -> None:
    data: dict[str, Any] = {}
    put(data, "proofs[].at", 1)
    put(data, "proofs[].channel", 2)
    put(data, "a.b", 3)
    put(data, "grants[]", {"c": 4})
    assert data == {"proofs": [{"at": 1, "channel": 2}], "a": {"b": 3}, "grants": [{"c": 4}]}


def test_an_order_is_the_shops_under_the_events_own_id_and_amount() -> None:
    """An amount stays digit for digit; what the event leaves open is left to the order."""
    event = OrderPlaced.model_validate(
        {"order_id": "o", "amount": "49.90", "currency": "EUR"}
        | {"order": {"order_id": "x", "amount": "1", "email": "a@b.example", "lines": []}, "masked": ["card in note"]}
    )
    data = data_of(row("OrderPlaced", "payment_validator"), event, AT)
    assert data == {"order_id": "o", "amount": "49.90", "currency": "EUR", "email": "a@b.example", "lines": []}


# --- the table itself -----------------------------------------------------------------------------


def test_every_event_starts_something_or_is_the_brains_own() -> None:
    assert {start.event for start in STARTS} | OWN.keys() == set(DOMAIN)
    assert not {start.event for start in STARTS} & OWN.keys()
    assert {event.__name__ for event in OWN} == {"TaskAssigned", "AgentCompleted", "HITLRequested"}


def test_a_row_names_fields_that_its_event_has_and_each_place_once() -> None:
    for start in STARTS:
        assert start.named.keys() <= start.event.model_fields.keys() | {"time"}, start
        taken = [*places(start).values(), *(place for place in start.fixed if place not in places(start).values())]
        assert len(taken) == len(set(taken)), start


def test_all_nine_domain_topics_are_read() -> None:
    assert sorted(TOPICS) == sorted({event.TOPIC for event in DOMAIN if event not in OWN})
    assert len(TOPICS) == 9


def test_no_role_starts_itself() -> None:
    """Role pages, trading: RiskAlert starts risk_manager unless risk_manager itself raised it."""
    start = row("OrderPlaced", "payment_validator")
    assert begins(start)
    assert begins(start, "/bizosaas/agent-fraud-screener")
    assert not begins(start, "/bizosaas/agent-payment-validator")
    assert not begins(row("LeadCreated", "lead_scorer"))
