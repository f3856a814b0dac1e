"""From the catalogue: `stack.yml`, the ingress table, the OpenAPI document and the table of events. Committed, and
checked to be fresh.

python -m functions.generate           write what changed
python -m functions.generate --check   say what is stale or wrong, all of it; exit 1 if anything is
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from events.topology import QUEUES, TOPOLOGY
from functions.catalogue import functions
from functions.openapi import document
from functions.reactions import document as events_document
from shared.contract import FunctionSpec

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Generated from functions/catalogue.py by scripts/generate. Do not edit.\n"
VERSION = "0.1.0"


def stack(specs: Iterable[FunctionSpec]) -> str:
    """The functions as an OpenFaaS stack file."""
    entries = {spec.name: _entry(spec) for spec in specs}
    whole = {"version": 1.0, "provider": {"name": "openfaas", "gateway": "${OPENFAAS_URL:-http://127.0.0.1:8080}"}}
    return HEAD + yaml.safe_dump({**whole, "functions": entries}, sort_keys=False, width=110, allow_unicode=True)


def _entry(spec: FunctionSpec) -> dict[str, Any]:
    environment = {"FUNCTION": spec.name}
    entry: dict[str, Any] = {
        "image": f"${{REGISTRY:-bizosaas}}/{spec.image}:${{TAG:-{VERSION}}}",
        "skip_build": True,
        "labels": {
            "com.openfaas.scale.zero": "true",
            "com.openfaas.scale.zero-duration": f"{spec.idle}s",
            "com.openfaas.scale.max": str(spec.most),
            "com.openfaas.scale.type": "capacity",
            "com.openfaas.scale.target": str(spec.concurrency),
        },
        "annotations": {name: text for name, text in _annotations(spec).items() if text},
        "environment": environment,
        "limits": {"memory": f"{spec.memory}Mi"},
    }
    # What verifies tokens needs the public keys.
    secrets = [*spec.secrets, *(["jwks.json"] if spec.permission != "public" else [])]
    return entry | ({"secrets": secrets} if secrets else {})


def _annotations(spec: FunctionSpec) -> dict[str, str]:
    """What the platform's own parts read; `topic` is what OpenFaaS connectors read, queues and topics alike."""
    return {
        "description": spec.summary,
        "kind": spec.kind,
        "permission": spec.permission,
        "public": "true" if spec.permission == "public" else "",
        "route": spec.route,
        "topic": ",".join((*spec.queues, *spec.topics)),
        "queues": ",".join(spec.queues),
        "topics": ",".join(spec.topics),
        "schedule": f"every {spec.every}s" if spec.every else "",
        "streams": "true" if spec.streams else "",
        "batch": str(spec.batch) if spec.batch > 1 else "",
        "gather": f"{spec.gather:g}s" if spec.batch > 1 and spec.topics else "",
        "concurrency": str(spec.concurrency),
        "queue-limit": str(spec.queue_limit),
        "timeout": f"{spec.timeout}s",
    }


def ingress(specs: Iterable[FunctionSpec]) -> str:
    """The public paths: which function answers which method and path."""
    rows = []
    for spec in specs:
        if spec.route:
            method, path = spec.route.split(" ")
            row = {"method": method, "path": path, "function": spec.name, "public": spec.permission == "public"}
            rows.append(row)
    return "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]\n"


def files(specs: tuple[FunctionSpec, ...]) -> Mapping[Path, str]:
    """Every generated file and what it must hold."""
    openapi = json.dumps(document(specs), indent=2, ensure_ascii=False) + "\n"
    return {
        Path("stack.yml"): stack(specs),
        Path("functions/ingress.json"): ingress(specs),
        Path("docs/openapi.json"): openapi,
        Path("docs/events.md"): events_document(),
    }


def problems(specs: tuple[FunctionSpec, ...]) -> list[str]:
    """All that is wrong with the catalogue, not the first thing only."""
    from shared.auth.permissions import PERMISSIONS

    found: list[str] = []
    names = [spec.name for spec in specs]
    found += [f"{name}: stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    routes = [spec.route for spec in specs if spec.route]
    found += [f"{route}: is answered twice" for route in sorted({r for r in routes if routes.count(r) > 1})]
    for spec in specs:
        found += [f"{spec.name}: {problem}" for problem in _problems(spec, PERMISSIONS)]
    return found


def _problems(spec: FunctionSpec, permissions: Iterable[str]) -> Iterable[str]:
    derived = spec.module.replace(".", "-").replace("_", "-")
    if spec.role:
        derived = f"agent-{spec.role.replace('_', '-')}"
    if spec.name != derived:
        yield f"the name is derived: it must be {derived}"
    if spec.permission not in permissions:
        yield f"has no permission of the catalogue ({spec.permission or 'none'}): it must not deploy"
    if not (ROOT / "functions" / Path(*spec.module.split("."))).with_suffix(".py").is_file():
        yield f"there is no module functions/{spec.module.replace('.', '/')}.py"
    for queue in spec.queues:
        if queue not in QUEUES:
            yield f"there is no queue {queue}"
    for topic in spec.topics:
        if topic not in TOPOLOGY.topics:
            yield f"there is no topic {topic}"
    if spec.kind == "http" and not (spec.route or spec.topics):
        yield "an HTTP function needs a route, or a topic that calls it"
    if not spec.summary:
        yield "needs a summary"


def main() -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, report everything that is wrong")
    check = parser.parse_args().check
    specs = functions()
    found = problems(specs)
    for path, text in files(specs).items():
        target = ROOT / path
        if target.exists() and target.read_text() == text:
            continue
        if check:
            found.append(f"{path}: is stale, run scripts/generate")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            print(f"wrote {path}")
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
