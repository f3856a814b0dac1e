"""CrewAI: everything that imports it, imported when first used.

It runs `Agent.kickoff` (about 30 ms of CPU) rather than a Crew of one agent and one task, and gives each run a
model object of its own: over the shared connections one costs 0.1 ms, where CrewAI's own, with two TLS contexts,
costs 40 ms. Nothing of a run is left in the process but open connections.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from shared.agents.answer import Answer, ModelFailed, Unreadable, read_answer
from shared.agents.brief import repair_text, task_text
from shared.agents.case import Case, Tool
from shared.agents.merge import prepare
from shared.agents.role import Role
from shared.agents.workbench import Workbench
from shared.settings import ModelSettings

if TYPE_CHECKING:
    import httpx

    from shared.agents.gate import Gate

OPENAI = "https://api.openai.com/v1"
#: Set before CrewAI is imported: no telemetry, no traces, one thread.
ENVIRONMENT = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
    "OPENBLAS_NUM_THREADS": "1",
}
#: What a first run imports; a child of a zygote finds it there.
PRELOADED = (
    "crewai.agents.agent_executor",
    "crewai.hooks.contexts",
    "crewai.llms.cache",
    "crewai.llms.providers.openai.completion",
    "crewai.skills.tool",
    "h11",
    "httpcore",
    "openai.resources.chat",
    "shared.agents.gate",
)
#: The share of the window that a request may fill, as CrewAI has it for models that it knows.
WINDOW_SHARE = 0.85


def available() -> bool:
    """Whether CrewAI is installed; imports nothing."""
    return find_spec("crewai") is not None


@cache
def preload() -> None:
    """Import CrewAI and what its first run would import. For a zygote: starts no thread, opens no connection,
    writes nothing outside a folder that is gone afterwards (the import writes a key to HOME)."""
    os.environ.update(ENVIRONMENT)
    os.environ.setdefault("CREWAI_STORAGE_DIR", os.path.join(tempfile.gettempdir(), f"bizosaas-crewai-{os.getuid()}"))
    os.environ.pop("REDIS_URL", None)  # its internal locks would move there
    with _home_elsewhere():
        for name in PRELOADED:
            import_module(name)
    _classes()
    _tls()
    prepare()


@contextmanager
def _home_elsewhere() -> Iterator[None]:
    before = os.environ.get("HOME")
    with tempfile.TemporaryDirectory(prefix="bizosaas-crewai-") as folder:
        os.environ["HOME"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = before


def converse(role: Role, case: Case, model: ModelSettings, seconds: float) -> tuple[Answer, tuple[str, ...]]:
    """Let a model do the role's work with its tools: its typed answer, and the tools it called in their order.

    Takes at most about `seconds` and whatever a tool takes that runs then. Raises `ModelFailed`, and
    `ToolStopped` for what a tool raised, which says nothing against the model.
    """
    from shared.agents.gate import Gate, Limits

    preload()
    offered = [case.tools[name] for name in role.tools if name != role.conclude]
    deadline = time.monotonic() + seconds
    bench: Workbench[Answer] = Workbench(case, deadline)
    base_url = model.base_url or OPENAI
    limits = Limits(deadline, model.timeout, requests=2 * len(offered) + 4)
    gate = Gate(_connections(base_url.startswith("https:"), os.getpid()), base_url, model.api_key, limits)
    try:
        answer = bench.run(lambda: _run(role, case, _model(model, base_url, gate), offered, bench, gate))
    finally:
        gate.failure = gate.failure or ModelFailed("the work is over")  # CrewAI's thread may go on: not to the model
    return answer, tuple(dict.fromkeys(bench.used))


def _run(role: Role, case: Case, llm: Any, offered: list[Tool], bench: Workbench[Answer], gate: Gate) -> Answer:
    """In CrewAI's thread."""
    from crewai.events.utils.console_formatter import set_suppress_console_output

    set_suppress_console_output(True)  # in this thread's context: its panels would fill the log
    try:
        text = _kickoff(role, case, llm, offered, bench)
        try:
            return read_answer(text, role.outcomes)
        except Unreadable as problem:
            repaired = llm.call([{"role": "user", "content": repair_text(role, text, str(problem))}])
            return read_answer(str(repaired), role.outcomes)
    except Unreadable:
        raise ModelFailed("the model's answer did not have the form asked for, twice") from None
    except (Exception, SystemExit) as error:
        # CrewAI raises whatever its parts raise, SystemExit included: all of it is the model's failure here.
        raise gate.failure or ModelFailed(f"CrewAI stopped with {type(error).__name__}") from error


def _kickoff(role: Role, case: Case, llm: Any, offered: list[Tool], bench: Workbench[Answer]) -> str:
    from crewai import Agent

    tool_class = _classes()[1]
    agent = Agent(
        role=role.role,
        goal=role.goal,
        backstory=role.backstory,
        llm=llm,
        tools=[tool_class(name=tool.name, description=tool.description, bench=bench) for tool in offered],
        max_iter=2 * len(offered) + 8,  # above the gate's limit of requests, which names the reason
        verbose=False,
        allow_delegation=False,
        use_better_compaction=False,  # it would store long tool results in files; ours are short
    )
    return str(agent.kickoff(task_text(role, case)).raw)


def _model(model: ModelSettings, base_url: str, gate: Gate) -> Any:
    import httpx

    return _classes()[0](
        model=model.name,
        base_url=base_url,
        api_key=model.api_key or "none",
        custom_openai=True,  # never the Responses API, whatever the model's name
        timeout=model.timeout,
        max_retries=0,  # the gate retries
        client_params={"http_client": httpx.Client(transport=gate, follow_redirects=False)},
        window=int(model.context_window * WINDOW_SHARE),
    )


@cache
def _classes() -> tuple[Any, Any]:
    """Our model and our tool, as subclasses of CrewAI's."""
    from crewai.llms.providers.openai.completion import OpenAICompletion
    from crewai.tools import BaseTool

    class Model(OpenAICompletion):  # type: ignore[misc]  # CrewAI is not there for mypy
        """Any OpenAI-compatible server. CrewAI guesses these from the model's name; we know."""

        window: int

        def _build_async_client(self) -> None:
            """We call from threads; each client would cost its TLS context."""

        def get_context_window_size(self) -> int:
            return self.window

        def get_input_tokens_count(self, messages: Any, *_: Any, **__: Any) -> int:
            return len(str(messages)) // 4 + 1

        def supports_function_calling(self) -> bool:
            return True

        def supports_stop_words(self) -> bool:
            return False

    class CaseTool(BaseTool):  # type: ignore[misc]  # CrewAI is not there for mypy
        """A tool of a role: takes no argument, gives JSON text."""

        bench: Any

        def _run(self) -> str:
            return str(self.bench.ask(self.name))

    return Model, CaseTool


@cache
def _tls() -> Any:
    import httpx

    return httpx.create_ssl_context()


@cache
def _connections(secure: bool, process: int) -> httpx.BaseTransport:  # noqa: ARG001  # each process has its own
    import httpx

    transport = httpx.HTTPTransport(verify=_tls() if secure else False)
    atexit.register(transport.close)
    return transport
