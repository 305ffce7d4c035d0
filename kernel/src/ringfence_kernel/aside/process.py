"""The process aside: answers one request after the other from its standard input, and ends with its parent.

python -I -B -m ringfence_kernel.aside.process MODULE:FUNCTION MEMORY_BYTES CPU_SECONDS
"""

from __future__ import annotations

import math
import os
import resource
import select
import sys
import threading
import time
from importlib import import_module
from struct import Struct
from typing import BinaryIO

NICE = 10
LENGTH = Struct(">Q")
GOT = b"!"
"""Said when a request is there, whole, and work on it begins: an end from then on may be its doing."""


def main() -> None:
    """Answers until the parent ends."""
    os.nice(NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    module, _, name = sys.argv[1].partition(":")
    function = getattr(import_module(module), name)
    memory_bytes, cpu_seconds = int(sys.argv[2]), float(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(LENGTH.size):
        request = _whole(requests, LENGTH.unpack(header)[0])
        # SIGXCPU ends it, and tells the parent why.
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + cpu_seconds), resource.RLIM_INFINITY))
        _say(answers, GOT)
        answer = function(request)
        _say(answers, LENGTH.pack(len(answer)) + answer)


def _say(answers: BinaryIO, said: bytes) -> None:
    answers.write(said)
    answers.flush()


def _whole(requests: BinaryIO, length: int) -> bytes:
    content = requests.read(length)
    if len(content) < length:
        sys.exit()
    return content


def _end_with_parent() -> None:
    """Ends the process as soon as nobody can ask it any more, whatever it is at."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), 0)  # the end of the other side is told unasked
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    main()
