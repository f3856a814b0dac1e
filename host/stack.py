"""Reads `stack.yml`, the file that `faas-cli deploy` takes, into frozen functions; strictly, all problems
together.

Scalars stay text as written (Go decodes `RETRIES: 3` of a string map to "3", so do we); variables are filled
in as faas-cli fills them; a key it would ignore in silence is a problem here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from host import units
from shared.errors import Invalid, Problem

TOP_KEYS = {"version", "provider", "functions", "configuration"}
PROVIDER_KEYS = {"name", "gateway"}
# The keys of one function that faas-cli 0.18 knows. The host uses those that say how to run it and lets the
# others (how to build it, where to place it) pass.
FUNCTION_KEYS = {
    *("lang", "handler", "image", "skip_build", "fprocess", "environment", "environment_file", "secrets"),
    *("labels", "annotations", "limits", "requests", "constraints", "readonly_root_filesystem", "namespace"),
    *("build_args", "build_options", "build_secrets", "copy_extra"),
}
_ROOMS = ("labels", "annotations")
SCALE = "com.openfaas.scale."
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"\$\$|\$\{([^}]*)\}")
_EXPRESSION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Function:
    """One function as the host runs it. Times are in seconds, memory in bytes, the numbers in calls or
    processes.
    """

    name: str
    image: str  # the image's last path segment without its tag: the name of the zygote
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    memory: int | None
    concurrency: int
    queue_limit: int
    timeout: float
    public: bool
    streams: bool  # answers that end when the process is told to end, not before
    kind: str
    floor: int  # processes that stay when there is no work
    minimum: int  # processes while there is work
    maximum: int
    target: int  # calls in flight that one process should have before another is started
    idle: float  # a process without work this long goes to sleep


@dataclass(frozen=True)
class _Setting:
    """One number or word of a label or an annotation, with what it means when it is not given."""

    room: str
    key: str
    read: Callable[[str], Any]
    default: str


def _word(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be {' or '.join(allowed)}")
        return text

    return read


SETTINGS = {
    "concurrency": _Setting("annotations", "concurrency", units.positive, "16"),
    "queue_limit": _Setting("annotations", "queue-limit", units.whole, "64"),
    "timeout": _Setting("annotations", "timeout", units.seconds, "30s"),
    "public": _Setting("annotations", "public", units.truth, "false"),
    "streams": _Setting("annotations", "streams", units.truth, "false"),
    "kind": _Setting("annotations", "kind", _word("http", "event"), "http"),
    "zero": _Setting("labels", SCALE + "zero", units.truth, "true"),
    "idle": _Setting("labels", SCALE + "zero-duration", units.seconds, "15m"),
    "minimum": _Setting("labels", SCALE + "min", units.whole, "1"),
    "maximum": _Setting("labels", SCALE + "max", units.positive, "4"),
    "target": _Setting("labels", SCALE + "target", units.positive, ""),
    "type": _Setting("labels", SCALE + "type", _word("capacity"), "capacity"),
}


class Reader:
    """Collects what is wrong with one file while reading it, so that all of it is told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, field: str, rule: str) -> None:
        self.problems.append(Problem(field, rule))

    def mapping(self, value: Any, field: str, known: set[str] | None = None) -> dict[str, Any]:
        """The mapping at `field`; an absent one is empty, an unknown key is a problem when `known` says which
        are.
        """
        if value in (None, ""):
            return {}
        if not isinstance(value, dict):
            self.wrong(field, "must be a mapping")
            return {}
        for key in value:
            if known is not None and key not in known:
                self.wrong(f"{field}.{key}".lstrip("."), "is not a known key")
        return value

    def texts(self, value: Any, field: str) -> dict[str, str]:
        """A mapping of text to text."""
        found = self.mapping(value, field)
        for key, one in found.items():
            if not isinstance(one, str):
                self.wrong(f"{field}.{key}", "must be text")
        return {key: one for key, one in found.items() if isinstance(one, str)}

    def names(self, value: Any, field: str) -> tuple[str, ...]:
        """A list of text."""
        if value in (None, ""):
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.wrong(field, "must be a list of names")
            return ()
        return tuple(value)

    def read(self, field: str, text: str, how: Callable[[str], Any]) -> Any:
        """`how(text)`, or None and a problem."""
        try:
            return how(text)
        except ValueError as error:
            self.wrong(field, str(error))
            return None


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """Fills in variables by faas-cli's rules: `${X}` (empty when unset), `${X:-default}`, `$$` is one `$`.

    Raises Invalid naming each other form (`${X-d}` is an error there too).
    """
    bad: list[Problem] = []

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        expression = _EXPRESSION.fullmatch(match[1])
        if expression is None or "${" in match[1]:
            line = text.count("\n", 0, match.start()) + 1
            bad.append(Problem(f"line {line}", f"{match[0]} must be ${{NAME}} or ${{NAME:-default}}"))
            return ""
        return environment.get(expression[1]) or expression[2] or ""

    filled = _VARIABLE.sub(fill, text)
    if bad:
        raise Invalid("the stack file has variables that cannot be filled in", problems=tuple(bad))
    return filled


_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Loader(_Base):  # type: ignore[misc]  # the C loader is there or not, so its class is only known at run time
    """Leaves every scalar the text it is, and refuses a key given twice (YAML would take the last)."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                mark = node.value[index][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", mark)
        return super().construct_mapping(node, deep=deep)


def _load(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # a BaseLoader makes text, lists and mappings only
    except yaml.YAMLError as error:
        raise Invalid.field("stack", f"must be YAML: {' '.join(str(error).split())}") from error


def read_stack(path: Path, environment: Mapping[str, str]) -> dict[str, Function]:
    """The functions of the stack file at `path` by name; `environment` fills its variables.

    Raises Invalid with every problem of the file at once.
    """
    return parse_stack(path.read_text(encoding="utf-8"), environment, path.parent)


def parse_stack(text: str, environment: Mapping[str, str], folder: Path) -> dict[str, Function]:
    """As `read_stack`, from text; `environment_file` entries are looked up in `folder`."""
    reader = Reader()
    top = reader.mapping(_load(substitute(text, environment)), "", TOP_KEYS)
    provider = reader.mapping(top.get("provider"), "provider", PROVIDER_KEYS)
    if top.get("version") != "1.0":
        reader.wrong("version", "must be 1.0")
    if provider.get("name") != "openfaas":
        reader.wrong("provider.name", "must be openfaas")
    found = reader.mapping(top.get("functions"), "functions")
    functions = {name: _function(reader, name, body, folder) for name, body in found.items()}
    if reader.problems:
        count = len(reader.problems)
        raise Invalid(f"the stack file has {count} problem(s)", problems=tuple(reader.problems))
    return {name: one for name, one in functions.items() if one is not None}


def _function(reader: Reader, name: str, value: Any, folder: Path) -> Function | None:
    """One function, or None when it has a problem (which the reader then knows)."""
    field = f"functions.{name}"
    before = len(reader.problems)
    if not _NAME.fullmatch(name):
        reader.wrong(field, "the name must be lower case letters, digits and hyphens, at most 63")
    body = reader.mapping(value, field, FUNCTION_KEYS)
    rooms = {room: reader.texts(body.get(room), f"{field}.{room}") for room in _ROOMS}
    _check_labels(reader, field, rooms["labels"])
    given = {key: _setting(reader, field, rooms, one) for key, one in SETTINGS.items()}
    image = str(body.get("image") or "").rpartition("/")[2].partition(":")[0]
    if not image:
        reader.wrong(f"{field}.image", "must name an image")
    limits = reader.texts(body.get("limits"), f"{field}.limits")
    memory = reader.read(f"{field}.limits.memory", limits["memory"], units.size) if "memory" in limits else None
    secrets = reader.names(body.get("secrets"), f"{field}.secrets")
    variables = _environment(reader, field, body, folder)
    if given["maximum"] is not None and (given["minimum"] or 0) > given["maximum"]:
        reader.wrong(f"{field}.labels.{SCALE}min", "must not be more than max")
    if len(reader.problems) > before:
        return None
    floor = 0 if given.pop("zero") else max(1, given["minimum"])
    given.pop("type")
    given["target"] = min(given["target"] or given["concurrency"], given["concurrency"])
    given["minimum"] = max(1, given["minimum"])
    return Function(
        name=name,
        image=image,
        environment=variables,
        secrets=secrets,
        memory=memory,
        floor=floor,
        labels=rooms["labels"],
        annotations=rooms["annotations"],
        **given,
    )


def _setting(reader: Reader, field: str, rooms: dict[str, dict[str, str]], setting: _Setting) -> Any:
    text = rooms[setting.room].get(setting.key, setting.default)
    if text == "" and setting.default == "":
        return None
    return reader.read(f"{field}.{setting.room}.{setting.key}", text, setting.read)


def _check_labels(reader: Reader, field: str, labels: dict[str, str]) -> None:
    known = {one.key for one in SETTINGS.values()}
    for key, value in labels.items():
        if not _LABEL_VALUE.fullmatch(value):
            reader.wrong(f"{field}.labels.{key}", "must be at most 63 of A-Z a-z 0-9 - _ . (else an annotation)")
        if key.startswith(SCALE) and key not in known:
            reader.wrong(f"{field}.labels.{key}", "is not a known key")


def _environment(reader: Reader, field: str, body: dict[str, Any], folder: Path) -> dict[str, str]:
    """The inline variables, overridden by those of each `environment_file` in order, as faas-cli does."""
    variables = reader.texts(body.get("environment"), f"{field}.environment")
    for name in reader.names(body.get("environment_file"), f"{field}.environment_file"):
        where = f"{field}.environment_file.{name}"
        try:
            loaded = reader.mapping(_load((folder / name).read_text(encoding="utf-8")), where, {"environment"})
        except (OSError, Invalid) as error:
            reader.wrong(where, f"cannot be read: {error}")
            continue
        variables |= reader.texts(loaded.get("environment"), f"{where}.environment")
    return variables
