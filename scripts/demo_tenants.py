"""The two demo tenants: their users, and the settings of the demo shop (products, places, boxes, services, policy)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.coordination.tenants import Tenants
from shared.runtime.clock import utc_now
from shared.store.database import Unit, database_errors

#: (e-mail, name, tenant, the tenant's name, role)
USERS = (
    ("super@demo.example", "Sam Super", "demo", "Demo Outdoor Shop", "SUPER_ADMIN"),
    ("admin@demo.example", "Ada Admin", "demo", "Demo Outdoor Shop", "TENANT_ADMIN"),
    ("user@demo.example", "Uma User", "demo", "Demo Outdoor Shop", "USER"),
    ("reader@demo.example", "Ravi Reader", "demo", "Demo Outdoor Shop", "READONLY"),
    ("admin@other.example", "Otto Other", "other", "Other Company", "TENANT_ADMIN"),
)
SHOP = Path(__file__).with_name("demo_shop")


def shop_settings() -> dict[str, Any]:
    """The demo shop's document of settings."""
    document: dict[str, Any] = json.loads((SHOP / "settings.json").read_text())
    document["products"] = {product["sku"]: product for product in products()}
    return document


def products() -> list[dict[str, Any]]:
    """What the demo shop sells: sku, name, price (EUR, gross), cost, weight in kg, size in cm, HS code."""
    rows: list[dict[str, Any]] = json.loads((SHOP / "products.json").read_text())
    return rows


def seed_settings() -> None:
    """Give the demo tenants their settings where they have none yet."""
    wanted = {"demo": shop_settings(), "other": {"policy": {"currency": "USD"}}}
    unit = Unit("orchestration")
    try:
        with database_errors():
            tenants = Tenants(unit, utc_now)
            missing = {name: document for name, document in wanted.items() if not tenants.settings(name)}
            for name, document in missing.items():
                tenants.save(name, document, changed_by="system")
            unit.commit()
    finally:
        unit.close()
