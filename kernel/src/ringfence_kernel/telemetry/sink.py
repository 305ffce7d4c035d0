"""Where lines of the log go: a line that cannot be written is lost and counted, and never anybody's failure."""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import TextIO


class LineSink:
    """Writes whole lines to a file descriptor or a stream; never raises.

    A full disk, a pipe whose reader is gone or does not read, or a closed standard output costs lines, and nothing
    else. Once it can be written to again, a line that was cut is ended before the next one.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to a stream; to standard output where none is given."""
        self._stream, self._descriptor = stream, -1
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._is_cut = False
        self.lost = 0
        if stream is None and sys.stdout is not None:
            try:
                self._descriptor = sys.stdout.fileno()
                self._poll.register(self._descriptor, select.POLLOUT)
            except (OSError, ValueError):  # replaced by what is no file
                self._stream = sys.stdout

    def msg(self, line: str) -> None:
        """Writes a line."""
        with self._lock:
            try:
                if self._stream is not None:
                    self._stream.write(f"{line}\n")
                    self._stream.flush()
                else:
                    self._write(f"{line}\n".encode(errors="backslashreplace"))
            except (OSError, ValueError):
                self.lost += 1

    def _write(self, line: bytes) -> None:
        """Writes to the descriptor, without a buffer that would be written later or never.

        What is ready takes PIPE_BUF bytes without making the writer wait (POSIX.1-2017, write).
        """
        rest = b"\n" + line if self._is_cut else line
        while rest:
            if not self._poll.poll(0):
                raise BlockingIOError
            written = os.write(self._descriptor, rest[: select.PIPE_BUF])
            rest = rest[written:]
            self._is_cut = bool(rest)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg

    def write(self, text: str) -> None:
        """Writes the line of a handler of the standard library."""
        if line := text.rstrip("\n"):
            self.msg(line)

    def flush(self) -> None:
        """Does nothing: nothing is held back."""
