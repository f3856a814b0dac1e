"""What can go wrong with a command: said in words with the cure, and in an exit code (those of sysexits.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROGRAM = "scripts/bizosaas"

OK, NO, USAGE, REFUSED, ABSENT, UNREACHABLE, FAULT, LATER, STRANGER, DENIED, INTERRUPTED, CLOSED = (
    0, 1, 64, 65, 66, 69, 70, 75, 76, 77, 130, 141,
)  # fmt: skip

#: Every exit code and its meaning: shown by `--help`, and in docs/operations/command.md.
CODES: Mapping[int, str] = {
    OK: "it was done",
    NO: "the answer is no: the record has a fault; the watched task did not complete; you did not confirm",
    USAGE: "the command line is wrong",
    REFUSED: "refused: a field breaks a rule, or it changed or was decided meanwhile",
    ABSENT: "not found, or of another tenant",
    UNREACHABLE: "nothing answers at the address",
    FAULT: "a fault of the platform",
    LATER: "try again later; also: the time given to watch is over",
    STRANGER: "what answers is not this platform",
    DENIED: "not signed in, or not permitted",
    INTERRUPTED: "ended by Ctrl-C",
    CLOSED: "who read the output went away",
}

_BY_STATUS = {
    401: DENIED,
    403: DENIED,
    404: ABSENT,
    408: LATER,
    429: LATER,
    502: LATER,
    503: LATER,
    504: LATER,
}
_CURES = {
    REFUSED: "put right what is named above, or look at it again if it changed meanwhile",
    ABSENT: "list what there is; another tenant's is not shown",
    FAULT: "the platform's log has the reason",
    LATER: "wait a moment and repeat the command",
}


class Failure(Exception):
    """Raised when a command cannot do what was asked. `problems` are (field, rule) pairs."""

    def __init__(
        self,
        code: int,
        title: str,
        detail: str = "",
        cure: str = "",
        problems: tuple[tuple[str, str], ...] = (),
        status: int = 0,
    ) -> None:
        """`code` is one of `CODES`; `status` the HTTP status, 0 when no answer of the platform is behind it."""
        super().__init__(f"{title}: {detail}")
        self.code = code
        self.title = title
        self.detail = detail
        self.cure = cure or _CURES.get(code, "")
        self.problems = problems
        self.status = status

    def document(self) -> dict[str, Any]:
        """As JSON, in the words of RFC 9457 with the cure and the exit code beside them."""
        rules = [{"field": field, "rule": rule} for field, rule in self.problems]
        whole = {"title": self.title, "status": self.status, "detail": self.detail, "problems": rules}
        return {**whole, "cure": self.cure, "exit_code": self.code}


def failure_of(status: int, problem: Mapping[str, Any], url: str) -> Failure:
    """The failure that a problem document of the platform means."""
    code = _BY_STATUS.get(status) or (FAULT if status >= 500 else REFUSED)
    told = problem.get("problems") or ()
    problems = tuple((str(one.get("field", "")), str(one.get("rule", ""))) for one in told if isinstance(one, dict))
    return Failure(
        code, str(problem["title"]), str(problem.get("detail", "")), _cure(status, url), problems, status=status
    )


def _cure(status: int, url: str) -> str:
    if status == 401:
        return f"sign in: {PROGRAM} login --url {url}"
    if status == 403:
        return f"sign in as somebody who may: {PROGRAM} login --url {url}"
    return ""


def unreachable(url: str, why: str) -> Failure:
    """Nobody answers."""
    cure = "start it with scripts/up, or name its address by --url or BIZOSAAS_URL"
    return Failure(UNREACHABLE, "Nothing answers", f"{url} ({why})", cure)


def stranger(url: str) -> Failure:
    """Somebody else answers."""
    cure = "name the platform's address by --url or BIZOSAAS_URL"
    return Failure(STRANGER, "What answers is not this platform", url, cure)


def misused(detail: str) -> Failure:
    """The command line is wrong in a way that the options alone do not show."""
    return Failure(USAGE, "The command line is wrong", detail, "see --help")
