"""Background work of a process: named, watched, started again when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.telemetry import logs

_LOG = logs.get(__name__)
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Task:
    """Something that runs until it is cancelled.

    When `run` raises it is started again after a pause; when it returns it has ended for good (a halted follower).
    A critical task is one whose memory cannot be trusted after an exception, or that everybody waits for: when it ends,
    whichever way, the whole process does. Answers depend on a vital one: while it fails the process is not well.
    """

    name: str
    run: Callable[[], Awaitable[Any]]
    critical: bool = False
    vital: bool = True


class Tasks:
    """Runs tasks side by side."""

    def __init__(self, end_process: Callable[[], None]) -> None:
        """Calls `end_process` when a critical task fails."""
        self._end_process = end_process
        self._running: list[asyncio.Task[None]] = []
        self._failing: set[str] = set()
        self._is_stopping = False

    def start(self, tasks: Sequence[Task]) -> None:
        """Starts tasks; may be called again for more."""
        self._running += [asyncio.create_task(self._keep(task), name=task.name) for task in tasks]

    async def problem(self) -> str | None:
        """Returns which vital tasks have failed and do not run again yet, None for none: a readiness probe."""
        return ", ".join(sorted(self._failing)) or None

    async def stop(self, seconds: float = _STOP_SECONDS) -> bool:
        """Cancels the tasks, the newest first, and waits for them within a bound; tells whether all have ended."""
        self._is_stopping = True
        for running in reversed(self._running):
            running.cancel()
        if self._running:
            _, unfinished = await asyncio.wait(self._running, timeout=seconds)
            for running in unfinished:
                _LOG.error("task_does_not_stop", task=running.get_name())
            return not unfinished
        return True

    async def _keep(self, task: Task) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            started = asyncio.get_running_loop().time()
            self._failing.discard(task.name)
            error = await self._run(task)
            if task.critical:
                self._end_process()
            if error is None:
                _LOG.info("task_ended", task=task.name)
            else:
                _LOG.error("task_failed", task=task.name, exc_info=error)
            if task.critical or error is None:
                return
            if task.vital:
                self._failing.add(task.name)
            if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run(self, task: Task) -> BaseException | None:
        """Runs a task to its end; returns what it raised, be it a cancellation that nobody here has asked for."""
        try:
            await task.run()
        except asyncio.CancelledError as error:
            if self._is_stopping:
                raise
            return error
        except Exception as error:
            return error
        return None
