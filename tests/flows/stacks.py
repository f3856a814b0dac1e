"""Stack files for the flows: those of a trial."""

from __future__ import annotations

from scripts.trial.stacks import light_stack

__all__ = ["light_stack"]
