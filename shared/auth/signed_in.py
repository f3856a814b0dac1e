"""What a caller gets who signed in, or went on with a refresh token."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.auth.sessions import Grant
from shared.auth.tokens import ACCESS_SECONDS, issue_access
from shared.auth.users import User


class UserOut(BaseModel):
    """A person."""

    model_config = ConfigDict(extra="forbid")

    id: str
    email: str
    name: str


class SignedIn(BaseModel):
    """An access token for the next calls and a refresh token for the next access token (`expires_in` is seconds)."""

    model_config = ConfigDict(extra="forbid")

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    refresh_token: str = Field(repr=False)
    user: UserOut
    tenant: str
    role: str


def user_out(user: User) -> UserOut:
    """A person as the API shows them."""
    return UserOut(id=user.id, email=user.email, name=user.name)


def signed_in(grant: Grant) -> SignedIn:
    """The answer for a session's newest grant; signs the access token. Raises `TryAgain` without a signing key."""
    token = issue_access(user_id=grant.user.id, tenant=grant.tenant, role=grant.role, session_id=grant.session_id)
    return SignedIn(
        access_token=token,
        expires_in=ACCESS_SECONDS,
        refresh_token=grant.refresh_token,
        user=user_out(grant.user),
        tenant=grant.tenant,
        role=grant.role,
    )
