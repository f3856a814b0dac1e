"""The ingress table: which function answers a method and a raw path.

Matching looks at the raw path only: no percent-decoding, no dot segments, no folding of slashes, so that what
was checked is what is forwarded. A parameter takes exactly one segment that is not empty; where several
templates match, the one with an exact segment earliest in the path wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.errors import MethodNotAllowed
from shared.errors import Invalid, NotFound, Problem

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TEMPLATE = re.compile(r"/(?:(?:[A-Za-z0-9._~!$&'()*+,;=:@%-]+|\{[a-z_][a-z0-9_]*\})(?:/|$))*")
_KEYS = {"method", "path", "function", "public"}


@dataclass(frozen=True)
class Route:
    """One row: `path` may hold `{parameters}`; `public` means that no token is wanted."""

    method: str
    path: str
    function: str
    public: bool


@dataclass
class _Node:
    """The rest of the path after some segments."""

    exact: dict[bytes, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    route: Route | None = None


class Ingress:
    """The table, made ready for matching: one dict lookup for a path without parameters, a short walk for
    others.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        """Raises Invalid with all problems together: bad templates, unknown methods, two rows that are
        one.
        """
        self.routes = tuple(routes)
        self._plain: dict[bytes, dict[bytes, Route]] = {}
        self._trees: dict[bytes, _Node] = {}
        problems = [one for index, route in enumerate(self.routes) for one in self._add(index, route)]
        if problems:
            raise Invalid(f"the ingress table has {len(problems)} problem(s)", problems=tuple(problems))

    def _add(self, index: int, route: Route) -> Iterable[Problem]:
        if route.method not in METHODS:
            yield Problem(f"[{index}].method", f"must be one of {', '.join(METHODS)}")
        if not _TEMPLATE.fullmatch(route.path):
            yield Problem(f"[{index}].path", "must be a path of plain segments and {parameters}")
            return
        method, path = route.method.encode(), route.path.encode()
        node = self._trees.setdefault(method, _Node())
        for segment in path.split(b"/")[1:]:
            if segment.startswith(b"{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.exact.setdefault(segment, _Node())
        if node.route is not None:
            yield Problem(f"[{index}].path", f"is answered by {node.route.function} already")
        node.route = route
        if b"{" not in path:
            self._plain.setdefault(method, {})[path] = route

    def match(self, method: bytes, path: bytes) -> Route:
        """The row for a method and a raw path without its query.

        HEAD falls back to GET. Raises NotFound, or MethodNotAllowed when only the method does not match.
        """
        plain = self._plain.get(method)
        if plain is not None:
            route = plain.get(path)
            if route is not None:
                return route
        found = self._find(method, path)
        if found is None and method == b"HEAD":
            found = self._find(b"GET", path)
        if found is not None:
            return found
        raise self._missing(path)

    def _find(self, method: bytes, path: bytes) -> Route | None:
        tree = self._trees.get(method)
        return None if tree is None else _walk(tree, path.split(b"/"), 1)

    def _missing(self, path: bytes) -> NotFound:
        allow = [method for method in METHODS if self._find(method.encode(), path) is not None]
        if "GET" in allow and "HEAD" not in allow:
            allow.insert(1, "HEAD")
        return MethodNotAllowed(tuple(allow)) if allow else NotFound("nothing is served at this path")


def _walk(node: _Node, segments: list[bytes], at: int) -> Route | None:
    """Exact segments before parameters; steps back when the exact one leads nowhere."""
    if at == len(segments):
        return node.route
    segment = segments[at]
    exact = node.exact.get(segment)
    if exact is not None:
        found = _walk(exact, segments, at + 1)
        if found is not None:
            return found
    if node.parameter is not None and segment:
        return _walk(node.parameter, segments, at + 1)
    return None


def read_ingress(path: Path) -> Ingress:
    """The table of a generated JSON file: `[{"method", "path", "function", "public"}]`; raises Invalid."""
    try:
        rows: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid.field("ingress", f"must be JSON: {error}") from error
    return Ingress(_routes(rows))


def _routes(rows: Any) -> list[Route]:
    if not isinstance(rows, list):
        raise Invalid.field("ingress", "must be a list")
    problems = [Problem(f"[{index}]", rule) for index, row in enumerate(rows) if (rule := _wrong(row))]
    if problems:
        raise Invalid(f"the ingress table has {len(problems)} problem(s)", problems=tuple(problems))
    return [Route(row["method"], row["path"], row["function"], row.get("public", False)) for row in rows]


def _wrong(row: Any) -> str:
    if not isinstance(row, dict) or not _KEYS - {"public"} <= set(row) <= _KEYS:
        return "must be an object with method, path, function and at most public"
    if not all(isinstance(row[key], str) for key in _KEYS - {"public"}):
        return "method, path and function must be text"
    if not isinstance(row.get("public", False), bool):
        return "public must be true or false"
    return ""
