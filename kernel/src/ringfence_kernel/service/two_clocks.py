"""Whether the process's clock and the database's agree, and whether what is recorded lies ahead of both."""

from __future__ import annotations

import asyncio

from ringfence_kernel.store.store import DatabaseClock
from ringfence_kernel.telemetry import logs, tracing
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import ClockWrong, HistoryAhead
from ringfence_kernel.writing.writer import GroupWriter

DIFFERENCE = "ringfence.clock.difference"
AHEAD = "ringfence.history.ahead"

_LOG = logs.get(__name__)


class ClockWatch:
    """Compares whenever the database is asked whether it is there, and raises an alarm."""

    def __init__(self, writer: GroupWriter) -> None:
        """Compares the clock and the history of a writer with the clock of its store."""
        self._writer = writer
        self._problem: str | None = None

    @property
    def agrees(self) -> bool:
        """Tells whether this process's clock was right when the database was last asked, as far as that can tell."""
        return self._problem != ClockWrong.reason

    async def problem(self) -> str | None:
        """Returns the reason why nothing could be written when the database was last asked, None for none."""
        return self._problem

    async def ask(self) -> None:
        """Asks the database for the time, and compares; raises StoreUnavailable."""
        clock = self._writer.clock
        before_ns = clock.now_ns()
        told = await asyncio.to_thread(self._writer.store.clock)
        self._take_in(before_ns, told, clock.now_ns())

    def _take_in(self, before_ns: int, told: DatabaseClock, after_ns: int) -> None:
        difference_ns = max(before_ns - told.now_ns, 0) or min(after_ns - told.now_ns, 0)
        ahead_ns = max(0, self._writer.last_ns - max(after_ns, told.now_ns))
        _measure(DIFFERENCE, "How far the process's clock is ahead of the database's.", difference_ns)
        _measure(AHEAD, "How far the last event is ahead of both clocks.", ahead_ns)
        problem = None
        if abs(difference_ns) > told.tolerance_ns:
            problem = ClockWrong.reason
        elif ahead_ns > told.tolerance_ns and self._writer.last_ns >= told.accepted_ns:
            problem = HistoryAhead.reason
        if problem not in (None, self._problem):
            _LOG.critical(
                problem.lower(),
                position=self._writer.head.position,
                seconds=round((ahead_ns if problem == HistoryAhead.reason else difference_ns) / NANOSECONDS, 1),
            )
        self._problem = problem


def _measure(name: str, meaning: str, nanoseconds: int) -> None:
    tracing.meter().create_gauge(name, unit="s", description=meaning).set(nanoseconds / NANOSECONDS)
