"""THE TABLE: what each of the 24 domain events starts. The words are those of the roles' own pages.

A row is one task: its type, its first role, and that role's queue. A row begins to work when its role's file is there
(`functions/agents/roles/`); until then its event is put on the record and starts nothing, and `scripts/check` says so.

How a task's data is made of an event (`shared.coordination.reactions`):
 1. The event's free part (`attributes`, the `order` of OrderPlaced) goes to the place `into`, "" being the top.
 2. Each field of the event goes to the place that `named` gives it, else beside the free part under its own name.
    `time` is when it happened. Fields count more than the free part; empty ones are left out.
 3. `fixed` says what follows from the event itself.
A place is a path; `proofs[].at` is the `at` of the one entry of a list `proofs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from events import commerce, content, customers, directory, identity, orchestration, sourcing, trading
from events.event import Event


@dataclass(frozen=True)
class Start:
    """One task that an event starts. `again`: not a new story, the last one about the same order goes on."""

    event: type[Event]
    type: str
    role: str
    queue: str
    named: Mapping[str, str] = field(default_factory=dict)
    into: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False


LOGIN = {"address": "login.ip", "device": "login.user_agent", "time": "login.at"}
GRANTED = {"granted_by": "grant.actor_id", "user_id": "grant.target_id", "time": "grant.at"}
BUSINESS = {"business_id": "listing.id"}
FILL = {"quantity": "fills[].quantity", "price": "fills[].price", "time": "fills[].at"}

STARTS: tuple[Start, ...] = (
    # identity: would the rightful person have done this? To go on in another tenant is to come in there.
    Start(identity.UserLoggedIn, "trust", "access_anomaly_detector", "auto_analytics",
          LOGIN, into="login", fixed={"login.success": True}),
    Start(identity.TenantSwitched, "trust", "access_anomaly_detector", "auto_analytics",
          {"time": "login.at"}, into="login", fixed={"login.success": True, "login.method": "switch"}),
    # ... and may it be so? The detector asks who granted, and when; the checker asks of duties that exclude each other.
    Start(identity.PermissionGranted, "trust", "access_anomaly_detector", "auto_analytics", GRANTED, into="grant"),
    Start(identity.PermissionGranted, "trust", "compliance_checker", "auto_analytics",
          {"time": "as_of"}, into="grants[]", fixed={"scope": ["access"]}),
    # customers: a lead that was won is a label for the scorer, no new score.
    Start(customers.LeadCreated, "lead", "lead_scorer", "auto_marketing", {"origin": "source", "time": "created_at"}),
    Start(customers.LeadConverted, "lead", "lead_scorer", "auto_marketing",
          {"value": "amount", "time": "closed_at"}, fixed={"outcome": "won"}),
    Start(customers.CampaignLaunched, "marketing", "campaign_planner", "auto_marketing",
          {"budget": "budget_cap", "channels": "channel_names", "time": "launched_at"},
          fixed={"action": "plan", "mode": "check"}),
    Start(customers.CampaignLaunched, "social", "post_composer", "auto_social_media",
          {"name": "source.title", "campaign_id": "campaign.id"}, into="source", fixed={"job": "compose"}),
    # content: a page is found only when it is sound; an article is edited before anybody sees it.
    Start(content.PagePublished, "seo", "on_page_auditor", "auto_seo", {"language": "locale"}),
    Start(content.PagePublished, "social", "post_composer", "auto_social_media", into="source",
          fixed={"job": "compose"}),
    # No post about an article: it is not yet public when it was created.
    Start(content.ArticleCreated, "content", "copy_editor", "auto_marketing"),
    Start(content.MediaUploaded, "content", "media_captioner", "auto_marketing",
          {"media_id": "media[].id", "filename": "media[].path", "media_type": "media[].mime", "size": "media[].bytes"},
          into="media[]"),
    # commerce: the order flow. Nothing ships before its money is there, and a payment lets a waiting order go on.
    Start(commerce.OrderPlaced, "order", "payment_validator", "auto_orders"),
    Start(commerce.PaymentProcessed, "order", "payment_validator", "auto_orders", again=True),
    Start(commerce.ProductUpdated, "commerce", "product_describer", "auto_orders",
          {"product_id": "product.id", "changed": "changed"}, into="product", fixed={"action": "describe"}),
    Start(commerce.ProductUpdated, "seo", "structured_data_author", "auto_seo",
          {"changed": "changed"}, into="facts", fixed={"kind": "product"}),
    Start(commerce.ProductUpdated, "social", "post_composer", "auto_social_media", into="source",
          fixed={"job": "compose"}),
    # orchestration: none here, see OWN.
    # directory: a listing is located and classed before it is public; a proof lets the verifier look again.
    Start(directory.BusinessListed, "listing", "location_validator", "auto_seo", BUSINESS, into="listing"),
    Start(directory.BusinessListed, "listing", "category_matcher", "auto_seo", BUSINESS, into="listing"),
    Start(directory.BusinessListed, "seo", "local_seo_specialist", "auto_seo",
          {"business_id": "business.id"}, into="business"),
    Start(directory.ReviewPosted, "listing", "review_moderator", "auto_seo",
          {"review_id": "review.id", "author_id": "review.reviewer_id", "rating": "review.stars",
           "time": "review.posted_at"}, into="review"),
    Start(directory.LocationVerified, "listing", "listing_verifier", "auto_seo",
          {**BUSINESS, "method": "proofs[].channel", "location_id": "proofs[].target", "time": "proofs[].at",
           "latitude": "listing.lat", "longitude": "listing.lon"}, into="listing", fixed={"proofs[].matched": True}),
    Start(directory.LocationVerified, "seo", "local_seo_specialist", "auto_seo",
          {"business_id": "business.id", "latitude": "business.lat", "longitude": "business.lon"}, into="business"),
    # sourcing: is the move real, what does the new level mean, can the supplier be trusted?
    Start(sourcing.PriceChanged, "sourcing", "price_watcher", "auto_inventory",
          {"product_id": "sku", "supplier_id": "offer.seller", "new_price": "offer.price",
           "old_price": "previous.price", "time": "offer.at"}, into="offer"),
    Start(sourcing.StockUpdated, "inventory", "stock_monitor", "auto_inventory",
          {"warehouse_id": "place", "time": "at"}),
    Start(sourcing.SupplierFound, "sourcing", "supplier_assessor", "auto_inventory"),
    # trading: what did it cost, where does the book stand, does a signal fit the limits, what cuts the exposure?
    Start(trading.TradeExecuted, "trading", "execution_planner", "auto_analytics", FILL),
    Start(trading.TradeExecuted, "trading", "risk_manager", "auto_analytics", FILL),
    Start(trading.SignalGenerated, "trading", "risk_manager", "auto_analytics",
          {"symbol": "trade.symbol", "direction": "signal.direction", "strength": "signal.strength",
           "signal_id": "signal.id"}),
    Start(trading.RiskAlert, "trading", "risk_manager", "auto_analytics", into="alert"),
    Start(trading.RiskAlert, "trading", "portfolio_rebalancer", "auto_analytics", into="alert"),
)  # fmt: skip

#: The brain's own three are said by the platform alone, so they are refused from outside: what they tell of has begun.
OWN: Mapping[type[Event], str] = {
    orchestration.TaskAssigned: "the role's step: the work lies on its queue already",
    orchestration.AgentCompleted: "the next role by its outcome, or the end of the task",
    orchestration.HITLRequested: "hitl_coordinator: the brief and the reviewer of the request, and its place",
}


def starts_of(event: type[Event]) -> tuple[Start, ...]:
    """The rows of an event, in the order of the table."""
    return tuple(start for start in STARTS if start.event is event)


#: The topics of the events that start something: what `tasks-react` reads.
TOPICS: tuple[str, ...] = tuple(dict.fromkeys(start.event.TOPIC for start in STARTS))
