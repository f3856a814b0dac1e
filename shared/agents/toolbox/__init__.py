"""The tools of the roles, one module a family. A family's module is imported when one of its roles works."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.errors import Invalid

if TYPE_CHECKING:
    from shared.agents.case import Tool
    from shared.agents.role import Role

#: The module of each family; it holds `TOOLS`, a tuple of `Tool`.
FAMILIES: Mapping[str, str] = {
    "coordination": "shared.agents.toolbox.coordination",
    "orders": "shared.agents.toolbox.orders",
    "support": "shared.agents.toolbox.support",
}


def tools_of(role: Role) -> Mapping[str, Tool]:
    """The tools that a role names, by name. Raises `Invalid` naming those that its family does not have."""
    module = FAMILIES.get(role.family)
    if module is None:
        raise Invalid.field(f"{role.name}.family", f"no tools are known for {role.family!r}")
    known: Mapping[str, Tool] = {tool.name: tool for tool in importlib.import_module(module).TOOLS}
    missing = [name for name in role.tools if name not in known]
    if missing:
        raise Invalid.field(f"{role.name}.tools", f"{role.family} has no {', '.join(missing)}")
    return {name: known[name] for name in role.tools}
