"""Make the environment that a script needs, from a lock file, and run the script in it. Needs Python 3.11 only.

    python3 scripts/bootstrap.py LOCK MODULE [ARGUMENTS]

LOCK is `light`, `agents` or `all` (each holds the one before), or `auto`: `agents` where a model is configured,
else `light`. The environment is `.venv` beside this folder; it is made once and again when its lock changes.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
LOCKS = ("light", "agents", "all")
PYTHON = ENVIRONMENT / "bin" / "python"


def main() -> None:
    """Install what is missing, then become the script."""
    if sys.version_info < (3, 11):  # noqa: UP036  # an older Python can start this file and should be told why not
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    lock, module, *arguments = sys.argv[1:]
    if lock == "auto":
        lock = "agents" if _model_configured() else "light"
        if lock == "agents":
            print("A model is configured: CrewAI is installed with the rest (about 1 GB).", file=sys.stderr)
    _install(lock)
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    os.execv(PYTHON, [str(PYTHON), "-m", module, *arguments])


def _model_configured() -> bool:
    return bool(os.environ.get("OPENAI_API_KEY") or os.environ.get("BIZOSAAS_MODEL_BASE_URL"))


def _install(lock: str) -> None:
    # A larger lock that is fresh holds this one too.
    if any(_fresh(name) for name in LOCKS[LOCKS.index(lock) :]):
        return
    if not PYTHON.exists():
        print(f"Making the environment {ENVIRONMENT.name} ...", file=sys.stderr)
        try:
            venv.create(ENVIRONMENT, with_pip=True)
        except subprocess.CalledProcessError:
            sys.exit("python3 cannot make an environment; on Debian or Ubuntu: apt-get install python3-venv")
    print(f"Installing the packages of locks/{lock}.txt ...", file=sys.stderr)
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--disable-pip-version-check"]
    done = subprocess.run([*command, "-r", _lock(lock)], check=False)
    if done.returncode:
        sys.exit(f"the packages of locks/{lock}.txt could not be installed; pip's words above say why")
    _stamp(lock).write_text(_digest(lock))


def _lock(name: str) -> Path:
    return ROOT / "locks" / f"{name}.txt"


def _stamp(name: str) -> Path:
    return ENVIRONMENT / f"installed-{name}"


def _digest(name: str) -> str:
    return hashlib.sha256(_lock(name).read_bytes()).hexdigest()


def _fresh(name: str) -> bool:
    return PYTHON.exists() and _stamp(name).exists() and _stamp(name).read_text() == _digest(name)


main()
