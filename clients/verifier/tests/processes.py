"""What a process says first, waited for no longer than is bearable: for tests."""

from __future__ import annotations

import subprocess
from threading import Timer
from typing import IO, AnyStr

PATIENCE_SECONDS = 30.0


def line_of(process: subprocess.Popen[AnyStr], stream: IO[AnyStr] | None) -> AnyStr:
    """Reads a line of what a process says; one that says nothing is ended, and what it has said until then is given."""
    assert stream is not None
    ending = Timer(PATIENCE_SECONDS, process.kill)
    ending.start()
    try:
        return stream.readline()
    finally:
        ending.cancel()
