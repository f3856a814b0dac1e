"""The two engines behind one port: a model that drives a role's tools through CrewAI, or the role's playbook.

1. The playbook works when no model is configured, CrewAI is not installed, or the model's circuit is open.
2. Else the model works. When it fails, that counts on the circuit, and the playbook works.
3. The conclusion is the tools' in both: a model can neither leave a tool of the playbook out nor change a number.
4. What a tool raises is nobody's failure but the task's: it passes, whichever engine worked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property

from shared.agents.answer import Answer, ModelFailed
from shared.agents.breaker import Failed, Succeeded
from shared.agents.case import CREWAI, PLAYBOOK, Case, Conclusion, Result
from shared.agents.circuits import Breaker, model_breaker
from shared.agents.merge import merge
from shared.agents.playbook import conclude
from shared.agents.role import Role
from shared.agents.workbench import ToolStopped
from shared.errors import Invalid
from shared.settings import Settings

#: The part of a role's time that a model may take; the rest is for the playbook after it.
MODEL_SHARE = 0.75


class Engine:
    """Does a role's work on a case."""

    def __init__(self, settings: Settings, breaker: Breaker | None = None) -> None:
        """`breaker` is the one of the configured model unless given. Opens nothing."""
        self._model = settings.model
        self._settings = settings
        self._given = breaker

    @cached_property
    def _breaker(self) -> Breaker:
        return self._given or model_breaker(self._settings)

    def run(self, role: Role, case: Case, before_model: Callable[[], None] = lambda: None) -> Result:
        """The role's conclusion, which engine made it and why that one. `before_model` is called before what may take
        minutes; a playbook takes milliseconds.

        Raises `Invalid` when the data does not let the role work, whatever else a tool raises, and `HouseError`
        when a role concludes against its own file.
        """
        why_not = self._why_not(role)
        if why_not:
            return _by_playbook(role, case, why_not)
        from shared.agents.crew import converse

        before_model()
        try:
            answer, used = converse(role, case, self._model, role.timeout * MODEL_SHARE)
        except ModelFailed as failure:
            self._breaker.report(Failed(failure.pause))
            return _by_playbook(role, case, failure.reason)
        except ToolStopped as stopped:
            self._breaker.report(Succeeded())  # the model had asked for the tool: it works
            raise stopped.error from stopped.error.__cause__
        self._breaker.report(Succeeded())
        return _by_model(role, case, answer, used, f"the model {self._model.name} answered")

    def _why_not(self, role: Role) -> str:
        """Why no model can do it now; "" when one can, which is then to be reported to the breaker."""
        if not self._model.configured:
            return "no model is configured"
        from shared.agents.crew import available

        if not available():
            return "CrewAI is not installed"
        until = self._breaker.closed_until(role.timeout)
        if until is None:
            return ""
        moment = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"the model failed repeatedly and is asked again from {moment}"


def _by_playbook(role: Role, case: Case, reason: str) -> Result:
    return Result(conclude(role, case), PLAYBOOK, reason, role.playbook)


def _by_model(role: Role, case: Case, answer: Answer, used: tuple[str, ...], reason: str) -> Result:
    said = dict(case.found)
    computed, notes = _with_draft(role, case, answer.draft or "")
    conclusion, remarks = merge(computed, answer, {**said, **case.found})
    tools = tuple(dict.fromkeys((*used, *role.playbook)))
    return Result(conclusion, CREWAI, reason, tools, (*notes, *remarks))


def _with_draft(role: Role, case: Case, draft: str) -> tuple[Conclusion, tuple[str, ...]]:
    """The conclusion over the model's draft; without it when a tool cannot work on it."""
    if not draft:
        return conclude(role, case), ()
    before = dict(case.found)
    try:
        # A tool that looks at the draft may have run before there was one: all of them look again.
        case.draft, case.found = draft, {}
        return conclude(role, case), ()
    except Invalid as error:
        case.draft, case.found = "", before
        return conclude(role, case), (f"the model's draft could not be used: {error.detail}",)
