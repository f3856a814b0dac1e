"""The tools of the agent roles: one module a family, imported when a role of the family works."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from shared.agents.case import Tool
from shared.agents.role import Role
from shared.errors import Invalid

#: The module of each family; its `TOOLS` are that family's tools.
FAMILIES: Mapping[str, str] = {
    "orders": "shared.agents.toolbox.orders",
    "support": "shared.agents.toolbox.support",
    "coordination": "shared.agents.toolbox.coordination",
}


def tools_of(role: Role) -> Mapping[str, Tool]:
    """The tools that a role's file names, by name. Raises `Invalid` naming a family or tools that do not exist."""
    module = FAMILIES.get(role.family)
    if module is None:
        raise Invalid.field(f"{role.name}.family", f"{role.family!r} has no tools; known are {', '.join(FAMILIES)}")
    known = {tool.name: tool for tool in import_module(module).TOOLS}
    unknown = [name for name in role.tools if name not in known]
    if unknown:
        raise Invalid.field(f"{role.name}.tools", f"{', '.join(unknown)} are none of the tools of {role.family}")
    return {name: known[name] for name in role.tools}
