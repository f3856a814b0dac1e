"""Every event by its wire type: one hand-written table."""

from __future__ import annotations

from events import (
    commerce,
    content,
    customers,
    directory,
    identity,
    orchestration,
    sourcing,
    trading,
    work,
)
from events.event import Event

#: The 24 events of the eight bounded contexts.
DOMAIN: tuple[type[Event], ...] = (
    identity.UserLoggedIn,
    identity.TenantSwitched,
    identity.PermissionGranted,
    customers.LeadCreated,
    customers.LeadConverted,
    customers.CampaignLaunched,
    content.PagePublished,
    content.ArticleCreated,
    content.MediaUploaded,
    commerce.OrderPlaced,
    commerce.PaymentProcessed,
    commerce.ProductUpdated,
    orchestration.TaskAssigned,
    orchestration.AgentCompleted,
    orchestration.HITLRequested,
    directory.BusinessListed,
    directory.ReviewPosted,
    directory.LocationVerified,
    sourcing.PriceChanged,
    sourcing.StockUpdated,
    sourcing.SupplierFound,
    trading.TradeExecuted,
    trading.SignalGenerated,
    trading.RiskAlert,
)

#: The platform's own facts.
PLATFORM: tuple[type[Event], ...] = (
    orchestration.TaskSubmitted,
    orchestration.AgentFailed,
    orchestration.TaskEnded,
    orchestration.HITLPrepared,
    orchestration.HITLDecided,
    orchestration.HITLExpired,
    orchestration.FeedbackLearned,
    orchestration.AuditNoted,
    orchestration.MetricTaken,
)

#: What exactly one doer does.
WORK: tuple[type[Event], ...] = (
    work.RoleWork,
    work.ApprovalWork,
    work.ExceptionWork,
    work.TrainingSample,
    work.TimerFired,
)

EVENTS: dict[str, type[Event]] = {event.wire_type(): event for event in (*DOMAIN, *PLATFORM, *WORK)}
