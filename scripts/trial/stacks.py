"""Variations of `stack.yml`, so that a trial need not wait for a minute, or wake what it is not about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from scripts.trial.platform import ROOT


def light_stack(folder: Path, **annotations: Mapping[str, str]) -> Path:
    """A stack file as a light install runs it: without CrewAI's image. `annotations` maps a name of an annotation
    to its new values by function: `timeout={"agent-payment-validator": "2s"}`."""
    stack = yaml.load((ROOT / "stack.yml").read_text(), yaml.BaseLoader)
    for function in stack["functions"].values():
        function["image"] = function["image"].replace("/agent:", "/light:")
    for name, values in annotations.items():
        for function, value in values.items():
            stack["functions"][function]["annotations"][name] = value
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "stack.yml"
    path.write_text(yaml.safe_dump(stack))
    return path
