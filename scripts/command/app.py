"""The verbs as one command, and the one place where what went wrong becomes words and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, Exit, TyperException

from scripts.command import approvals, overview, queues, record, signing, tasks
from scripts.command.failure import CLOSED, CODES, INTERRUPTED, OK, USAGE, Failure, misused
from scripts.command.show import complain

_CODES = "\n".join(f"{code:>4}  {meaning}" for code, meaning in CODES.items())
HELP = f"""What an operator does, over the platform's HTTP surface.

Sign in first (login), or put an access token into BIZOSAAS_TOKEN. The address is --url, else BIZOSAAS_URL, else where
you signed in last, else http://127.0.0.1:8080. Every verb shows JSON with --json; a failure then is JSON too, on the
error stream.

\b
Exit codes:
{_CODES}
"""

app = typer.Typer(
    name="bizosaas",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _verb in (signing.login, signing.logout, overview.status, overview.agents, overview.topology):
    app.command()(_verb)
for _group in (tasks.app, approvals.app, queues.app, record.audit, record.events):
    app.add_typer(_group)


def main(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code, one of `CODES`."""
    try:
        done = app(list(arguments), prog_name="bizosaas", standalone_mode=False)
        sys.stdout.flush()
        return done if isinstance(done, int) else OK
    except Failure as failure:
        complain(failure, as_json="--json" in arguments)
        return failure.code
    except Exit as end:
        return end.exit_code
    except (Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit:  # typer's own way of taking a closed pipe
        return CLOSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to say goes nowhere
        return CLOSED
    except TyperException as error:
        return _misused(error.format_message(), as_json="--json" in arguments)


def _misused(words: str, *, as_json: bool) -> int:
    if words.startswith("Usage:"):  # a group without a verb: its help
        print(words, file=sys.stderr)
    else:
        complain(misused(words), as_json=as_json)
    return USAGE
