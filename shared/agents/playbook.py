"""A role's work without a model: its tools in the order of its file, then its conclusion."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from events.jsontext import dumps
from shared.agents.case import Case, Conclusion
from shared.agents.role import Role
from shared.errors import HouseError


def conclude(role: Role, case: Case) -> Conclusion:
    """Run the playbook's tools, then the one that concludes.

    Tools that already ran keep what they found; so this is also how work driven by a model ends: it can add a
    tool, and cannot leave one out. Whatever a tool raises passes (`Invalid`: the data does not let the role
    work). Raises `HouseError` when the conclusion breaks the role's own file, which is a mistake of ours.
    """
    for tool in role.playbook:
        case.get(tool)
    conclusion = case.get(role.conclude)
    problems = list(broken(role, conclusion))
    if problems:
        raise HouseError(f"the role {role.name} concluded against its own file: {'; '.join(problems)}")
    checked: Conclusion = conclusion
    return checked


def broken(role: Role, conclusion: object) -> Iterable[str]:
    """What in a conclusion the role's file does not allow."""
    if not isinstance(conclusion, Conclusion):
        yield f"{role.conclude} gave a {type(conclusion).__name__} and no Conclusion"
        return
    if conclusion.outcome not in role.outcomes:
        yield f"the outcome {conclusion.outcome!r} is none of {', '.join(role.outcomes)}"
    if not 0 <= conclusion.confidence <= 1:
        yield f"the confidence {conclusion.confidence} is not between 0 and 1"
    try:
        dumps(role.output_model().model_validate(dict(conclusion.output)).model_dump())
    except ValidationError as error:
        yield from (f"output.{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
    except (TypeError, ValueError) as error:
        yield f"the output is not JSON: {error}"
    for proposal in conclusion.proposals:
        action = role.actions.get(proposal.action)
        if action is None:
            yield f"the proposal {proposal.action!r} is none of its actions"
            continue
        yield from (
            f"the proposal {proposal.action!r} lacks {name!r}" for name in action.fields if name not in proposal.detail
        )
