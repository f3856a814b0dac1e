"""Set up what is missing and run the platform on this machine, in the foreground, until Ctrl-C.

    scripts/up [--port 8080] [--home .bizosaas] [--json-logs]

The first start makes two demo tenants with their users and one random password for all of them, kept in the home
folder; BIZOSAAS_DEMO_PASSWORD sets your own. OPENAI_API_KEY, or BIZOSAAS_MODEL_BASE_URL and BIZOSAAS_MODEL, give
the agents a language model; without one they work by their playbooks.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path

from host.live import Live
from host.main import Options, options_from, run
from scripts import topology
from scripts.demo_tenants import USERS, seed_settings
from shared.auth.passwords import check_rules
from shared.auth.users import SeedUser, change_passwords, seed
from shared.settings import settings

ROOT = Path(__file__).resolve().parent.parent
PASSWORD_FILE = "demo-password"


def main() -> int:
    """Returns the exit code."""
    began = time.monotonic()
    options = options_from(description=__doc__)
    options = replace(options, stack=_ours(options.stack), ingress=_ours(options.ingress))
    live = Live(json_lines=options.json_logs)
    return run(options, lambda: _prepare(options.home), lambda port: _announce(options, live, port, began), live)


def _ours(path: Path) -> Path:
    return path if path.exists() else ROOT / path


def _prepare(home: Path) -> None:
    """The demo tenants: made once; what was changed since stays. A new password is kept when it works: a start that
    was broken off is made good by the next."""
    topology.require()
    before, password = _password(home)
    made = seed([SeedUser(*user) for user in USERS], lambda _email: password)
    if password != before:
        change_passwords([user[0] for user in USERS if user[0] not in made], password)
        _keep(home / PASSWORD_FILE, password)
    seed_settings()


def _password(home: Path) -> tuple[str, str]:
    """(the demo password until now, the one from now on)."""
    path = home / PASSWORD_FILE
    before = path.read_text().strip() if path.exists() else ""
    given = os.environ.get("BIZOSAAS_DEMO_PASSWORD", "")
    if given:  # before it is kept: one that cannot be used must not stand there at the next start
        check_rules(given, field="BIZOSAAS_DEMO_PASSWORD", names=tuple(user[0] for user in USERS))
    return before, given or before or secrets.token_urlsafe(12)


def _keep(path: Path, password: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password + "\n")


def _announce(options: Options, live: Live, port: int, began: float) -> None:
    seconds = time.monotonic() - began
    base = f"http://{options.address}:{port}"
    if options.json_logs:
        live.say("ready", "good", event="ready", url=base, port=port, pid=os.getpid(), seconds=round(seconds, 3))
        return
    model = settings().model
    engine = f"the model {model.name}" if model.configured else "the playbooks (no model is configured)"
    password = options.home / PASSWORD_FILE
    print(f"""
  BizOSaaS Functions is ready on {base} after {seconds:.1f} s. Agents work with {engine}.

    users     {", ".join(user[0] for user in USERS)}
    password  in {_short(password)}
    sign in   curl -s {base}/auth/login -H 'content-type: application/json' \\
                -d "{{\\"email\\": \\"admin@demo.example\\", \\"password\\": \\"$(cat {_short(password)})\\"}}"
    operate   scripts/bizosaas login admin@demo.example --password-file {_short(password)} --url {base}
    try it    scripts/demo{_flags(options)}       (in another terminal)
    look      {base}/healthz   {base}/metrics   docs/openapi.json
    stop      Ctrl-C
""", flush=True)  # fmt: skip


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _flags(options: Options) -> str:
    port = f" --port {options.port}" if options.port != 8080 else ""
    home = f" --home {_short(options.home)}" if options.home != Path(".bizosaas").absolute() else ""
    return port + home


if __name__ == "__main__":
    sys.exit(main())
