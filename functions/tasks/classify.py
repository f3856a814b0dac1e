"""POST /tasks/classify: the verdict on a task and its reasons, without doing it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from events.fields import Json
from shared.coordination.flow import judge
from shared.runtime.http import ServicesNow, operation_router
from shared.tools.sensitive import forbidden, mask_sensitive

router = operation_router()


class Question(BaseModel):
    """A task to be judged."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(min_length=1, max_length=60)
    data: Json = Field(max_length=500)


class Judgement(BaseModel):
    """The verdict: which rules fired, with the values and the limits, and what could not be told."""

    model_config = ConfigDict(extra="allow")
    escalated: bool
    triggers: list[str]
    reasons: list[Json]
    urgency: str
    policy_version: str


@router.post("/tasks/classify")
def classify(body: Question, services: ServicesNow) -> Judgement:
    """Judge without doing; nothing is kept."""
    masked = mask_sensitive(body.data)
    return Judgement(**judge(services, body.type, masked.clean, forbidden(masked.findings)))
