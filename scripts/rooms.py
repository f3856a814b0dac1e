"""Rooms inside functions/ never import each other: they speak through events."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"


def faults() -> list[str]:
    """Each import from one room of another."""
    found = []
    for path in sorted(FUNCTIONS.rglob("*.py")):
        parts = path.relative_to(FUNCTIONS).parts
        if len(parts) == 1:  # the catalogue and its generator stand beside the rooms
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                steps = module.split(".")
                if steps[0] == "functions" and steps[1:2] != [parts[0]]:
                    found.append(f"{path.relative_to(FUNCTIONS.parent)}:{node.lineno} imports {module}")
    return found


if __name__ == "__main__":
    wrong = faults()
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)
