"""One event of each kind that a backend may tell, as little as it must say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.registry import DOMAIN
from shared.coordination.starts import OWN

TOLD: Mapping[str, dict[str, Any]] = {
    "UserLoggedIn": {"user_id": "u-1", "session_id": "s-1", "address": "192.0.2.7"},
    "TenantSwitched": {"user_id": "u-1", "from_tenant": "other", "to_tenant": "demo"},
    "PermissionGranted": {"user_id": "u-1", "role": "TENANT_ADMIN", "granted_by": "u-2"},
    "LeadCreated": {"lead_id": "l-1", "email": "noor@example.org", "origin": "fair"},
    "LeadConverted": {"lead_id": "l-1", "client_id": "c-1", "value": "1200.00", "currency": "EUR"},
    "CampaignLaunched": {"campaign_id": "k-1", "name": "Spring", "channels": ["email", "search"]},
    "PagePublished": {"page_id": "p-1", "url": "https://shop.example/fleece", "title": "Fleece", "language": "en"},
    "ArticleCreated": {"article_id": "a-1", "title": "How to wash fleece", "attributes": {"text": "Cold."}},
    "MediaUploaded": {"media_id": "m-1", "filename": "fleece.jpg", "media_type": "image/jpeg", "size": 48213},
    "OrderPlaced": {"order_id": "o-1", "amount": "49.90", "currency": "EUR", "order": {"payments": []}},
    "PaymentProcessed": {
        **{"order_id": "o-1", "payment_id": "y-1", "amount": "49.90", "currency": "EUR", "status": "captured"},
    },
    "ProductUpdated": {"product_id": "d-1", "sku": "FLEECE", "changed": ["price"]},
    "BusinessListed": {"business_id": "b-1", "name": "Café Noor", "country": "NL"},
    "ReviewPosted": {"review_id": "r-1", "business_id": "b-1", "rating": 2, "text": "Cold coffee."},
    "LocationVerified": {"location_id": "x-1", "business_id": "b-1", "method": "post", "latitude": 52.36},
    "PriceChanged": {"product_id": "FLEECE", "supplier_id": "s-9", "new_price": "11.20", "currency": "EUR"},
    "StockUpdated": {"sku": "FLEECE", "warehouse_id": "w-1", "on_hand": 0},
    "SupplierFound": {"supplier_id": "s-9", "name": "Lana Ltd", "country": "PT"},
    "TradeExecuted": {
        **{"trade_id": "t-1", "portfolio_id": "f-1", "symbol": "ACME", "side": "buy"},
        **{"quantity": "10", "price": "101.50", "currency": "EUR"},
    },
    "SignalGenerated": {"signal_id": "g-1", "strategy_id": "h-1", "symbol": "ACME", "direction": "long", "strength": 1},
    "RiskAlert": {"alert_id": "q-1", "portfolio_id": "f-1", "measure": "var_pct", "value": 0.031, "limit": 0.025},
}
#: The events that a backend may tell, by their names.
WELCOME = {event.__name__: event for event in DOMAIN if event not in OWN}


def told(name: str, **changes: Any) -> dict[str, Any]:
    """An event as a backend writes it, in structured mode."""
    return {
        "specversion": "1.0",
        "id": f"{name}-1",
        "source": "/backend",
        "type": WELCOME[name].wire_type(),
        "time": "2026-11-23T09:00:00Z",
        "data": TOLD[name],
    } | changes
