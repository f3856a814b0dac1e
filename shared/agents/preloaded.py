"""Importing this is having CrewAI imported and made ready: for a zygote, which is given names of modules."""

from __future__ import annotations

from shared.agents.crew import preload

preload()
