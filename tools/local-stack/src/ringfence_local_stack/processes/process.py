"""One supervised child process: readiness with a deadline, graceful stop, `kill -9` and restart for drills."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.processes.privileges import Account

_LOG_TAIL_LINES = 15
LOG_BYTES = 64 * 1024 * 1024
_LAUNCHER = Path(__file__).with_name("launch.py")

# The kernel sends the parent-death signal when the *thread* that forked ends, so that one long-lived thread forks all.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


@dataclass(eq=False)
class Process:
    """A program under supervision, in a session of its own so that a terminal's Ctrl-C does not reach it first.

    The program dies with this process even when that is killed with -9 (`stop_signal` is sent to it by the kernel).
    `environment` replaces the whole environment; output goes to the end of `log_file`, which is put aside, in the place
    of the last one, when it is longer than `LOG_BYTES` at a start. Once `closing` is set nothing
    starts any more and every wait ends, so that whoever stops several processes wins against those starting them.
    """

    name: str
    command: Sequence[str | Path]
    log_file: Path
    environment: Mapping[str, str]
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    directory: Path = Path("/")
    closing: threading.Event = field(default_factory=threading.Event)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def start(self) -> None:
        """Starts the program and returns at once; does nothing if it runs."""
        if self.pid is None:
            _forker.submit(self._spawn).result()

    def wait_until(self, is_ready: Callable[[], bool], seconds: float, *, poll_seconds: float = 0.02) -> None:
        """Asks every `poll_seconds` until `is_ready`.

        Raises ProcessFailed when the process ends first, or `seconds` are over.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.pid is None:
                if is_ready():  # it was while it ended, which may be what is waited for
                    return
                raise self._failure(f"ended with status {self._status()}")
            if time.monotonic() > deadline:
                raise self._failure(f"is not ready after {seconds:g} s")
            if self.closing.wait(poll_seconds):
                raise self._failure("was stopped while it started")

    def run(self, seconds: float) -> None:
        """Starts the program and waits for its end; raises ProcessFailed unless it succeeds within `seconds`."""
        try:
            self.start()
            self.wait_until(lambda: self.pid is None, seconds)
        finally:
            self.stop()
        if self._status() != 0:
            raise self._failure(f"ended with status {self._status()}")

    def stop(self, seconds: float = 20.0) -> None:
        """Asks the program to stop and kills it after `seconds`; does nothing if it does not run."""
        # A start that was interrupted may still be forking.
        _forker.submit(int).result()
        if self._child is None or self.pid is None:
            return
        self._child.send_signal(self.stop_signal)
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kills the program and its process group with signal 9, as a crash would, and waits for the end of it."""
        if self._child is None or self.pid is None:
            return
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def log_tail(self) -> str:
        """The last lines of the log, or an empty text."""
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def _spawn(self) -> None:
        if self.closing.is_set():
            raise self._failure("is not started: the stack is stopping")
        self.log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put_aside(self.log_file)
        uid, gid = (self.account.uid, self.account.gid) if self.account else (-1, -1)
        launcher = [
            sys.executable,
            "-I",
            "-S",
            _LAUNCHER,
            os.getpid(),
            int(self.stop_signal),
            uid,
            gid,
        ]
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._child = subprocess.Popen(
                [str(word) for word in (*launcher, *self.command)],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                cwd=self.directory,
                env=dict(self.environment),
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def _status(self) -> int | None:
        return self._child.returncode if self._child else None

    def _failure(self, what: str) -> ProcessFailed:
        return ProcessFailed(f"{self.name} {what}; its log ({self.log_file}) ends:\n{self.log_tail()}")


def _put_aside(log_file: Path) -> None:
    """Renames a regular file that has grown too long; `/dev/null` is none."""
    if log_file.is_file() and log_file.stat().st_size > LOG_BYTES:
        log_file.replace(log_file.with_name(f"{log_file.name}.1"))
