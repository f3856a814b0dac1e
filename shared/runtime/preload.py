"""What a zygote imports before it forks, so that no function pays for it: libraries and data, no connections."""

from __future__ import annotations

import anyio._backends._asyncio
import argon2
import cryptography.hazmat.primitives.asymmetric.ed25519
import jwt
import pydantic
import redis.asyncio
import sqlalchemy.dialects.sqlite
import uvicorn.protocols.http.httptools_impl

import events.registry
import shared.auth.permissions
import shared.auth.tokens
import shared.bus.embedded
import shared.coordination.approvals
import shared.coordination.flow
import shared.coordination.record
import shared.escalation.classify
import shared.live.limits
import shared.runtime.app
import shared.runtime.http
import shared.runtime.outbox
import shared.runtime.process
import shared.store.audit
import shared.store.identity
import shared.store.orchestration
from shared.agents.roles import roles
from shared.bus import load_libraries
from shared.settings import read_settings

__all__ = [
    "anyio",
    "argon2",
    "cryptography",
    "events",
    "jwt",
    "pydantic",
    "redis",
    "roles",
    "shared",
    "sqlalchemy",
    "uvicorn",
]

roles()
load_libraries(read_settings().bus_url)
