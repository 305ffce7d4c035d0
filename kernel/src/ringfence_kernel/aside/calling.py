"""Work in a process aside: what computes on strangers' bytes waits for nobody's interpreter, and nobody for its.

The process has less priority, bounds of its own and no secrets. It is started when it is needed, ended when it does not
answer in time, and ends with its parent (docs/adr/0066).
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import structlog

from ringfence_kernel.aside.process import GOT, LENGTH
from ringfence_kernel.values.errors import DomainError

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""As many as there are threads of heavy work: whoever has one of these has a process too."""
MOST_CPU_SECONDS = 10.0
"""Of processor time for one answer, rounded up to a whole second of the process: many times what the largest takes."""
LONGEST_SECONDS = 30.0
"""So long somebody waits for an answer, the start of a process included; what is slow beside others is no fault."""
MOST_ASKED = 1_000
"""After so many answers a process makes room for a new one, with what it has not given back."""
MOST_ANSWER_BYTES = 1024 * 1024
MEMORY_BYTES = 768 * 1024 * 1024
"""Of addresses. The largest file that may be read takes some 200 MiB, beside itself and the interpreter."""
TRIES = 2
"""So many processes end at work on a request before it is taken for the reason."""
MOST_PROCESSES = 4
"""So many are asked at most, those included that something else ends: before they have the request, or by SIGKILL."""
_PROCESS = "ringfence_kernel.aside.process"


class InputNotReadable(DomainError):
    """Reading the input takes more time or memory than it may, or ended the process that reads; nothing was done."""

    reason = "INPUT_NOT_READABLE"
    code = "INVALID_ARGUMENT"


class ReadingUnavailable(DomainError):
    """No process could be had to read the input, or none was done in time; the same request may be sent again."""

    reason = "READING_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class _Ended(Exception):
    """The process has ended."""


class _Late(Exception):
    """The process does not answer in time."""


class _Process:
    """One process and its pipes; of one thread at a time."""

    def __init__(self, function: str, memory_bytes: int, cpu_seconds: float) -> None:
        # Isolated, with an empty environment and no open file but its pipes: there is nothing in it to be had.
        command = [sys.executable, "-I", "-B", "-m", _PROCESS, function, str(memory_bytes), str(cpu_seconds)]
        self._child = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what it would say at its end may be of a file
            env={},
            cwd="/",
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._to, self._from = self._child.stdin.fileno(), self._child.stdout.fileno()
        for pipe in (self._to, self._from):
            os.set_blocking(pipe, False)
        self.asked = 0
        self._is_at_work = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.pid

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._child.poll() is not None

    @property
    def has_used_up_its_time(self) -> bool:
        """Whether a process that has ended did so by what an answer may take of the processor."""
        return self._child.returncode == -signal.SIGXCPU

    @property
    def has_ended_by_itself(self) -> bool:
        """Whether a process that has ended was at work on a request, and nobody ended it: neither we nor the kernel."""
        return self._is_at_work and self._child.returncode != -signal.SIGKILL

    def ask(self, request: bytes, until: float) -> bytes:
        """Returns the answer to a request; raises _Ended, _Late, and InputNotReadable for one that is too long."""
        self.asked += 1
        try:
            for part in (LENGTH.pack(len(request)), request):
                self._send(memoryview(part), until)
            self._receive(len(GOT), until)
            self._is_at_work = True
            (length,) = LENGTH.unpack(self._receive(LENGTH.size, until))
            if length > MOST_ANSWER_BYTES:
                raise InputNotReadable
            answer = self._receive(length, until)
        except OSError as error:
            raise _Ended(str(error)) from error
        self._is_at_work = False
        return answer

    def kill(self) -> None:
        """Ends it under whoever asks it, who notices and calls `end`."""
        self._child.kill()

    def end(self) -> None:
        """Ends it, whatever it does, and its pipes; of whoever asked it last, or of nobody."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _send(self, left: memoryview, until: float) -> None:
        while left:
            _wait(self._to, select.POLLOUT, until)
            left = left[os.write(self._to, left) :]

    def _receive(self, length: int, until: float) -> bytes:
        content = bytearray()
        while len(content) < length:
            _wait(self._from, select.POLLIN, until)
            part = os.read(self._from, length - len(content))
            if not part:
                with suppress(subprocess.TimeoutExpired):  # its own end, and not the one that it would be given
                    self._child.wait(1.0)
                raise _Ended("it has ended")
            content += part
        return bytes(content)


class Aside:
    """Calls one function of bytes in processes aside: so many at once at most, from any thread; blocking."""

    def __init__(
        self,
        function: str,
        at_once: int = AT_ONCE,
        longest_seconds: float = LONGEST_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        cpu_seconds: float = MOST_CPU_SECONDS,
    ) -> None:
        """Takes the function as `module:name`, which raises nothing that it knows of; starts nothing yet."""
        self._function, self._longest_seconds = function, longest_seconds
        self._memory_bytes, self._cpu_seconds = memory_bytes, cpu_seconds
        self._free = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._is_closed = False

    def __call__(self, request: bytes) -> bytes:
        """Returns what the function makes of a request.

        Raises InputNotReadable where that takes too much of the processor, is too long, or ends two processes, and
        ReadingUnavailable where it says nothing of the request: none can be had, or none has answered in time.
        """
        with self._free:
            ended_by_it = 0
            for _ in range(MOST_PROCESSES):
                process, is_well = self._take(), False
                try:
                    answer = process.ask(request, time.monotonic() + self._longest_seconds)
                    is_well = process.asked < MOST_ASKED
                    return answer
                except _Late:
                    log.warning("process_aside_late", function=self._function)
                    raise ReadingUnavailable from None
                except _Ended as ended:
                    log.warning("process_aside_ended", function=self._function, cause=str(ended))
                finally:
                    self._give_back(process, is_well=is_well)
                ended_by_it += process.has_ended_by_itself
                if process.has_used_up_its_time or ended_by_it == TRIES:
                    raise InputNotReadable
        raise ReadingUnavailable

    def pids(self) -> list[int]:
        """Returns the ids of its processes."""
        with self._lock:
            return sorted(each.pid for each in (*self._idle, *self._busy))

    def close(self) -> None:
        """Ends all processes; who waits for one is refused, and puts away what it holds itself."""
        with self._lock:
            self._is_closed = True
            ended, self._idle = self._idle, []
            for each in self._busy:
                each.kill()
        for each in ended:
            each.end()

    def _take(self) -> _Process:
        with self._lock:
            if self._is_closed:
                raise ReadingUnavailable
            process = self._living() or self._new()
            self._busy.add(process)
            return process

    def _living(self) -> _Process | None:
        while self._idle:
            process = self._idle.pop()
            if not process.has_ended:
                return process
            process.end()
        return None

    def _new(self) -> _Process:
        try:
            return _Process(self._function, self._memory_bytes, self._cpu_seconds)
        except OSError as error:  # no memory, process or file to be had
            log.warning("process_aside_not_started", function=self._function, cause=str(error))
            raise ReadingUnavailable from error

    def _give_back(self, process: _Process, *, is_well: bool) -> None:
        with self._lock:
            self._busy.discard(process)
            if is_well and not self._is_closed:
                self._idle.append(process)
                return
        process.end()


def _wait(pipe: int, event: int, until: float) -> None:
    """Returns when a pipe is ready, or has ended; raises _Late when it is too late."""
    poll = select.poll()
    poll.register(pipe, event)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1_000):
        raise _Late
