"""GET /.well-known/jwks.json: the public keys of users' access tokens, for backends that verify them."""

from __future__ import annotations

from fastapi import Response
from pydantic import BaseModel, ConfigDict

from shared.auth.keys import published
from shared.runtime.http import ServicesNow, operation_router

router = operation_router()


class Jwk(BaseModel):
    """One Ed25519 key (RFC 8037)."""

    model_config = ConfigDict(extra="forbid")

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


class Jwks(BaseModel):
    """A JWK Set (RFC 7517)."""

    model_config = ConfigDict(extra="forbid")

    keys: tuple[Jwk, ...]


@router.get("/.well-known/jwks.json")
def jwks(services: ServicesNow, response: Response) -> Jwks:
    """The keys of today and the one before; a verifier may keep them for five minutes."""
    response.headers["cache-control"] = "public, max-age=300"
    return Jwks(keys=tuple(Jwk(**jwk) for jwk in published(services.settings.secrets)))
