"""A decision becomes a labelled sample: how often humans keep a role's recommendation is read from these."""

from __future__ import annotations

from collections.abc import Iterable

from events.event import Event
from events.orchestration import FeedbackLearned
from events.work import TrainingSample
from shared.runtime.services import Services


def handle(event: TrainingSample, services: Services) -> Iterable[Event]:
    """Keep the sample and say so."""
    services.history.learn(event)
    return [
        FeedbackLearned(
            request_id=event.request_id,
            task_id=event.task_id,
            task_type=event.task_type,
            role=event.role,
            decision=event.decision,
            agreement=event.agreement,
            ai_confidence=event.ai_confidence,
        )
    ]
