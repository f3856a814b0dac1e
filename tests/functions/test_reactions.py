"""The check of the table of events: nothing is silent, and a role's file is all that an event waits for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from events.commerce import OrderPlaced
from events.registry import DOMAIN
from functions import reactions
from functions.catalogue import functions
from shared.agents.roles import roles
from shared.coordination.starts import OWN, STARTS

ROOT = Path(__file__).resolve().parents[2]

# SYSTEM.md 5, the families of which an event starts a role: (queue, roles)
FAMILIES = {
    ("auto_orders", "payment_validator fraud_screener fulfilment_planner order_communicator"),
    ("auto_inventory", "stock_monitor reorder_planner stock_allocator"),
    ("auto_marketing", "lead_scorer lead_qualifier lead_router"),
    ("auto_marketing", "article_writer copy_editor brand_guardian content_planner media_captioner"),
    ("auto_seo", "keyword_researcher on_page_auditor technical_auditor meta_writer structured_data_author"),
    ("auto_seo", "internal_linker backlink_analyst local_seo_specialist rank_tracker content_gap_analyst"),
    ("auto_marketing", "campaign_planner audience_segmenter ad_copywriter budget_optimizer"),
    ("auto_social_media", "post_composer hashtag_strategist post_scheduler community_responder trend_watcher"),
    ("auto_orders", "product_describer catalogue_classifier price_setter review_summarizer returns_assessor"),
    ("auto_seo", "listing_verifier review_moderator category_matcher location_validator duplicate_listing_detector"),
    ("auto_inventory", "supplier_finder supplier_assessor price_watcher landed_cost_estimator"),
    ("auto_analytics", "signal_generator risk_manager portfolio_rebalancer backtester execution_planner"),
    ("auto_analytics", "access_anomaly_detector compliance_checker content_safety_reviewer"),
}

# SYSTEM.md 2, in its words, and the role pages' first lines
SAID = {
    "OrderPlaced": "payment_validator",
    "LeadCreated": "lead_scorer",
    "PagePublished": "on_page_auditor",
    "ReviewPosted": "review_moderator",
    "PriceChanged": "price_watcher",
    "RiskAlert": "risk_manager",
    "UserLoggedIn": "access_anomaly_detector",
    "StockUpdated": "stock_monitor",
    "MediaUploaded": "media_captioner",
}


def lines() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "functions.reactions"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_the_check_says_of_every_event_what_it_starts_or_which_role_is_yet_to_come() -> None:
    """All 24; of those whose role has no file it says so, and of no others."""
    shown = lines()
    assert {line.split()[0] for line in shown} == {event.__name__ for event in DOMAIN}
    assert len(shown) == len(STARTS) + len(OWN)
    assert all(line[len("PermissionGranted") :].strip() for line in shown)
    waiting = {start.role for start in STARTS} - roles().keys()
    assert {line.split("no role yet: ")[1].split()[0] for line in shown if "no role yet" in line} == waiting


def test_the_table_names_roles_of_the_specification_with_their_familys_queue() -> None:
    """A misspelt role would be "yet to come" for ever."""
    queues = {name: queue for queue, names in FAMILIES for name in names.split()}
    assert {start.role: start.queue for start in STARTS}.items() <= queues.items()


@pytest.mark.parametrize(("event", "role"), sorted(SAID.items()))
def test_an_event_starts_what_the_specification_says(event: str, role: str) -> None:
    first = next(start for start in STARTS if start.event.__name__ == event)
    assert first.role == role


def test_the_table_has_no_problem_and_a_wrong_one_is_told_whole() -> None:
    assert list(reactions.problems()) == []
    (good,) = [start for start in STARTS if start.event is OrderPlaced]
    wrong = [replace(good, type="lead"), replace(good, queue="auto_seo")]
    found = list(reactions.problems(wrong))
    assert "OrderPlaced: payment_validator does no tasks of the type lead" in found
    assert "OrderPlaced: payment_validator works on auto_orders, not on auto_seo" in found
    assert "LeadCreated: nothing says what it starts" in found


def test_the_coordinator_is_there_and_hears_of_every_request() -> None:
    """What the table says of HITLRequested in words."""
    assert "agent-hitl-coordinator" in {spec.name for spec in functions() if "hitl.requests" in spec.topics}


def test_the_page_for_developers_has_a_row_for_every_event() -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if "bizosaas." in line]
    assert sorted(rows) == sorted(event.__name__ for event in DOMAIN)
