"""Work in a process aside: bounded, watched, with nothing in it to be had, and gone with its parent."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from ringfence_kernel.aside.calling import MOST_ANSWER_BYTES, Aside, InputNotReadable, ReadingUnavailable, _Process
from ringfence_kernel.aside.process import NICE

LONGEST_SECONDS = 60
"""For as long a loaded machine may have a process begin, and end."""
MEMORY_BYTES = 256 * 1024 * 1024
HEX, INFLATE, HANG, DO = "binascii:hexlify", "zlib:decompress", "signal:sigwait", "builtins:eval"
"""Functions of bytes: one answers, one takes as much memory as it is told, one waits for a signal that nobody sends,
and one does what it is told."""


@contextmanager
def aside(function: str, **bounds: float) -> Iterator[Aside]:
    """A function in a process aside."""
    made = Aside(function, **bounds)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def test_one_process_answers_one_request_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any length; it has less priority than its parent, nothing of its environment, and no file of its but pipes."""
    monkeypatch.setenv("SOMETHING_SECRET", "hunter2")
    with Path(__file__).open() as kept, aside(HEX) as function:
        os.set_inheritable(kept.fileno(), True)
        assert [function(each) for each in (b"", b"a", b"b" * 500_000)] == [b"", b"61", b"62" * 500_000]
        (pid,) = function.pids()
        process = Path("/proc") / str(pid)
        assert (process / "environ").read_bytes() == b""
        opened = {os.readlink(each).partition(":")[0] for each in (process / "fd").iterdir()}
        assert opened == {"pipe", "/dev/null"}
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICE)
    assert not process.exists()


def test_what_takes_too_much_memory_is_refused_and_the_next_is_answered() -> None:
    """The process ends on it, twice; a new one is there for whoever comes next."""
    bomb = zlib.compress(bytes(MEMORY_BYTES), 1)
    with aside(INFLATE, memory_bytes=MEMORY_BYTES) as function:
        assert function(zlib.compress(b"small")) == b"small"
        first = function.pids()
        with pytest.raises(InputNotReadable):
            function(bomb)
        assert function(zlib.compress(b"small")) == b"small"
        assert function.pids() != first


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of processes, as they are started."""
    pids, start = list[int](), _Process.__init__

    def starting(process: _Process, function: str, memory_bytes: int, cpu_seconds: float) -> None:
        start(process, function, memory_bytes, cpu_seconds)
        pids.append(process.pid)

    monkeypatch.setattr(_Process, "__init__", starting)
    return pids


def test_what_takes_too_much_of_the_processor_is_refused_for_good(started: list[int]) -> None:
    """Once: a machine with nothing else to do would take as long."""
    with aside(DO, cpu_seconds=0.5) as function:
        with pytest.raises(InputNotReadable):
            function(b"sum(iter(int, 1))")
        assert (len(started), function.pids()) == (1, [])
    with aside(HEX) as function, pytest.raises(InputNotReadable):
        function(bytes(MOST_ANSWER_BYTES))


def test_what_is_late_may_come_again_and_is_not_tried_twice(started: list[int]) -> None:
    """Time of the clock says nothing of a request where others compute too; the process is ended."""
    with aside(HANG, longest_seconds=0.5) as function:
        with pytest.raises(ReadingUnavailable):
            function(bytes([signal.SIGUSR1]))
        assert (len(started), function.pids()) == (1, [])


@pytest.mark.parametrize("function", ["no_such_module:function", DO], ids=["before it is asked", "at work"])
def test_what_ends_processes_from_outside_is_no_fault_of_a_request(started: list[int], function: str) -> None:
    """Processes that cannot start, and those that the machine ends for want of memory."""
    with aside(function) as ending, pytest.raises(ReadingUnavailable):
        ending(b"__import__('os').kill(__import__('os').getpid(), 9)")
    assert 1 < len(started) < 9


def test_processes_that_ended_while_idle_cost_nobody_an_answer() -> None:
    """However many: they are put away unasked."""
    with aside(DO) as function, ThreadPoolExecutor(4) as threads:
        list(threads.map(function, [b"__import__('time').sleep(0.5) or b''"] * 4))
        before = function.pids()
        assert len(before) == 4
        for pid in before:
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert function(b"b'answer'") == b"answer"
        assert not set(before) & set(function.pids())


def test_a_process_is_put_away_by_whoever_asks_it_when_all_are_closed() -> None:
    """Its pipes are nobody else's to close: their numbers would be other files' under who still writes."""
    function = Aside(HANG)
    held = function._take()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(function, bytes([signal.SIGUSR1]))
        while len(function.pids()) < 2:
            time.sleep(0.01)
        function.close()
        assert isinstance(waiting.exception(10), ReadingUnavailable)
    assert function.pids() == [held.pid]
    assert held._child.stdin is not None
    assert not held._child.stdin.closed
    function._give_back(held, is_well=True)
    assert (held._child.stdin.closed, function.pids(), held.has_ended) == (True, [], True)
    with pytest.raises(ReadingUnavailable):
        function(b"")


def test_a_process_outlives_no_error_of_who_asks_it(monkeypatch: pytest.MonkeyPatch, started: list[int]) -> None:
    """Half an answer would be left in its pipe."""
    monkeypatch.setattr(_Process, "_receive", raising(MemoryError()))
    with aside(HEX) as function:
        with pytest.raises(MemoryError):
            function(b"a")
        assert (len(started), function.pids()) == (1, [])


def test_without_a_process_to_be_had_a_request_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has no more of something just now."""
    monkeypatch.setattr(subprocess, "Popen", raising(OSError(errno.EAGAIN, "no more processes")))
    with aside(HEX) as function:
        with pytest.raises(ReadingUnavailable) as refused:
            function(b"a")
        assert refused.value.retry_after_seconds
        monkeypatch.undo()
        assert function(b"a") == b"61"


def raising(error: Exception) -> Callable[..., None]:
    """What fails however it is called."""

    def fails(*_: object, **__: object) -> None:
        raise error

    return fails


def test_a_process_that_something_else_ends_costs_nobody_an_answer() -> None:
    """It is asked again of a new one."""
    with aside(HEX) as function:
        assert function(b"a") == b"61"
        (pid,) = function.pids()
        os.kill(pid, signal.SIGKILL)
        assert function(b"b") == b"62"
        assert len(function.pids()) == 1


def test_no_more_are_at_work_than_may_be() -> None:
    """Threads beyond that wait for their turn."""
    with aside(HEX, at_once=2) as function, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(function, [b"a"] * 32)) == [b"61"] * 32
        assert len(function.pids()) <= 2


def test_it_ends_with_a_parent_that_is_killed_also_in_the_middle() -> None:
    """Nobody is left who waits for what nobody will read."""
    asked = f"import time; from ringfence_kernel.aside.calling import Aside; f = Aside('{HANG}')"
    asked += (
        f"; p = f._take(); print(p.pid, flush=True); p.ask(bytes([{signal.SIGUSR1.value}]), time.monotonic() + 3600)"
    )
    with subprocess.Popen([sys.executable, "-c", asked], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip()
        try:
            # It watches its parent with a second thread.
            await_true(lambda: len(list((child / "task").iterdir())) == 2)
            time.sleep(0.5)
            assert not has_ended(child)
        finally:
            parent.kill()
    await_true(lambda: has_ended(child))


def await_true(look: Callable[[], bool]) -> None:
    """Returns when something is true, as it is soon."""
    until = time.monotonic() + LONGEST_SECONDS
    while not look():
        assert time.monotonic() < until
        time.sleep(0.01)


def has_ended(process: Path) -> bool:
    """Tells whether a process has ended, also where nobody has waited for it yet."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
