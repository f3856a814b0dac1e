"""The ingress table, against a matcher so plain that one can see it is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.errors import MethodNotAllowed
from host.ingress import Ingress, Route, read_ingress
from shared.errors import Invalid, NotFound

SEGMENTS = st.sampled_from(["a", "b", "{x}", "{y}", "%2e%2e", "c.d"])
TEMPLATES = st.lists(SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
PATHS = st.lists(st.sampled_from(["a", "b", "", "%2e%2e", "..", "c.d", "z"]), max_size=5).map(
    lambda parts: "/" + "/".join(parts)
)
METHODS = ("GET", "POST", "DELETE")


def shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


@st.composite
def tables(draw: st.DrawFn) -> list[Route]:
    rows = draw(st.lists(st.tuples(st.sampled_from(METHODS), TEMPLATES), max_size=8))
    unique = {(method, shape(path)): path for method, path in rows}
    return [Route(method, path, f"f{index}", False) for index, ((method, _), path) in enumerate(unique.items())]


def fits(template: str, path: str) -> bool:
    ours, theirs = template.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(
        bool(theirs[i]) if part.startswith("{") else part == theirs[i] for i, part in enumerate(ours)
    )


def naive(routes: list[Route], method: str, path: str) -> Route | None:
    """Of all that fit, the one whose exact segments come earliest."""
    fitting = [one for one in routes if one.method == method and fits(one.path, path)]
    return min(fitting, key=lambda one: [part.startswith("{") for part in one.path.split("/")], default=None)


@given(tables(), st.sampled_from(METHODS), PATHS)
def test_matching_agrees_with_trying_every_row(routes: list[Route], method: str, path: str) -> None:
    expected = naive(routes, method, path)
    ingress = Ingress(routes)
    if expected is not None:
        assert ingress.match(method.encode(), path.encode()) is expected
        return
    allowed = {one.method for one in routes if fits(one.path, path)}
    with pytest.raises(NotFound) as caught:
        ingress.match(method.encode(), path.encode())
    assert isinstance(caught.value, MethodNotAllowed) == bool(allowed)
    if isinstance(caught.value, MethodNotAllowed):
        assert set(caught.value.allow) - {"HEAD"} == allowed


@given(st.lists(TEMPLATES, min_size=1, max_size=4), PATHS)
def test_every_path_of_a_template_matches_it_or_one_more_exact(templates: list[str], path: str) -> None:
    routes = [Route("GET", one, one, False) for one in {shape(one): one for one in templates}.values()]
    if any(fits(one.path, path) for one in routes):
        assert fits(Ingress(routes).match(b"GET", path.encode()).path, path)


def test_an_exact_path_and_a_parameter_share_a_place() -> None:
    """`POST /tasks/classify` beside `GET /tasks/{id}` (SYSTEM 7)."""
    ingress = Ingress(
        [
            Route("POST", "/tasks/classify", "classify", False),
            Route("GET", "/tasks/{task_id}", "get", False),
            Route("GET", "/tasks/{task_id}/events", "events", False),
        ]
    )
    assert ingress.match(b"POST", b"/tasks/classify").function == "classify"
    assert ingress.match(b"GET", b"/tasks/classify").function == "get"
    assert ingress.match(b"GET", b"/tasks/classify/events").function == "events"


def test_head_is_answered_by_get() -> None:
    ingress = Ingress([Route("GET", "/a", "a", False), Route("GET", "/b/{c}", "b", False)])
    assert ingress.match(b"HEAD", b"/a").function == "a"
    assert ingress.match(b"HEAD", b"/b/1").function == "b"


@pytest.mark.parametrize("path", ["/a/", "//a", "/%61", "/a%2f", "/A", "/a;x"])
def test_only_the_very_path_matches(path: str) -> None:
    with pytest.raises(NotFound):
        Ingress([Route("GET", "/a", "a", False)]).match(b"GET", path.encode())


def test_bad_tables_are_refused_with_all_their_problems() -> None:
    rows = [
        Route("GET", "/a/{x}", "one", False),
        Route("GET", "/a/{y}", "two", False),
        Route("FETCH", "/b", "three", False),
        Route("GET", "b", "four", False),
        Route("GET", "/a{x}", "five", False),
    ]
    with pytest.raises(Invalid) as caught:
        Ingress(rows)
    assert [one.field for one in caught.value.problems] == ["[1].path", "[2].method", "[3].path", "[4].path"]


def test_a_generated_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ingress.json"
    file.write_text(json.dumps([{"method": "GET", "path": "/x", "function": "x", "public": True}]))
    assert read_ingress(file).routes == (Route("GET", "/x", "x", True),)


@pytest.mark.parametrize(
    "rows", ["{", "{}", '[{"method": "GET"}]', '[{"method":"GET","path":"/","function":"a","more":1}]', "[1]"]
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, rows: str) -> None:
    file = tmp_path / "ingress.json"
    file.write_text(rows)
    with pytest.raises(Invalid):
        read_ingress(file)
