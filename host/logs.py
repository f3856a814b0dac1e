"""What functions print: a pipe a process, cut into lines, each told with its function and process id."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

Line = str | dict[str, Any]
OnLog = Callable[[str, int, Line], None]

LONGEST = 64 * 1024  # bytes of one line; a longer one is cut
READ = 64 * 1024


def parse(line: bytes) -> Line:
    """A line that is a JSON object comes as that object, any other as text (bytes that are not UTF-8
    replaced).
    """
    if line.startswith(b"{"):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    return line.decode("utf-8", "replace")


class LogPipe:
    """The read end of one process's standard output and error."""

    def __init__(self, loop: asyncio.AbstractEventLoop, function: str, on_log: OnLog) -> None:
        self.pid = 0
        self._loop = loop
        self._function = function
        self._on_log = on_log
        self._rest = b""
        self._fd, self.write_end = os.pipe()
        os.set_blocking(self._fd, False)
        loop.add_reader(self._fd, self._readable)

    def close_write_end(self) -> None:
        """To be called once a process has it: the end of file is then the end of that process."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        """Tells what is left in the pipe and closes it."""
        self.close_write_end()
        while self._fd >= 0 and self._readable():
            pass
        self._end()

    def _readable(self) -> bool:
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return False
        if not data:
            self._end()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            if line:
                self._on_log(self._function, self.pid, parse(line))
        return True

    def _end(self) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        if self._rest:
            self._on_log(self._function, self.pid, parse(self._rest))
            self._rest = b""
