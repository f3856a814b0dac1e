"""The agent roles: one YAML file each, read once, all problems reported together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from shared.agents.role import END, OUTPUT_TYPES, Role
from shared.errors import Invalid, NotFound, Problem

#: Found by name, as the catalogue is: the libraries know where roles are kept, not which there are.
PACKAGE = "functions.agents"


@cache
def roles() -> Mapping[str, Role]:
    """All roles by name. Raises `Invalid` with every problem of every file."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Role] = {}
    problems: list[Problem] = []
    for path in sorted(_folder().rglob("*.yaml")):
        try:
            role = Role.model_validate(
                {"name": path.stem, "family": path.parent.name, **yaml.load(path.read_text(), loader)}
            )
            found[role.name] = role
        except ValidationError as error:
            problems += [Problem(f"{path.name}: {'.'.join(map(str, e['loc']))}", e["msg"]) for e in error.errors()]
        except yaml.YAMLError as error:
            problems.append(Problem(path.name, f"is not YAML: {error}"))
    problems += [problem for role in found.values() for problem in check(role, found)]
    if problems:
        raise Invalid("; ".join(f"{p.field}: {p.rule}" for p in problems), problems=tuple(problems))
    return found


def _folder() -> Path:
    # A package without __init__.py has a list of places and no file of its own.
    spec = find_spec(PACKAGE)
    places = (spec and spec.submodule_search_locations) or ()
    if not places:
        raise Invalid.field(PACKAGE, "is no package that can be found")
    return Path(next(iter(places))) / "roles"


def check(role: Role, known: Mapping[str, Role]) -> Iterable[Problem]:
    """What is wrong with a role beside its fields' types."""
    for outcome, following in role.outcomes.items():
        if following != END and following not in known:
            yield Problem(f"{role.name}.outcomes.{outcome}", f"{following!r} is neither a role nor {END!r}")
    for outcome in role.against:
        if outcome not in role.outcomes:
            yield Problem(f"{role.name}.against", f"{outcome!r} is not among its outcomes")
    for name in (*role.playbook, role.conclude):
        if name not in role.tools:
            yield Problem(f"{role.name}.playbook", f"{name!r} is not among its tools")
    for field, kind in role.output.items():
        if kind.rstrip("?") not in OUTPUT_TYPES:
            yield Problem(f"{role.name}.output.{field}", f"the type is one of {', '.join(OUTPUT_TYPES)}")


def role(name: str) -> Role:
    """One role. Raises `NotFound`."""
    found = roles().get(name)
    if found is None:
        raise NotFound(f"no agent role is named {name!r}")
    return found


@cache
def first_role(task_type: str) -> Role | None:
    """The role that starts a task of this type, None where no role does."""
    return next((role for role in roles().values() if task_type in role.starts), None)


def task_types() -> list[str]:
    """The task types that some role starts."""
    return sorted({task_type for role in roles().values() for task_type in role.starts})
