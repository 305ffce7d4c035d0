"""Time: UTC nanoseconds, passed in, never going back in what is recorded."""

from __future__ import annotations

import time
from typing import Protocol

from ringfence_kernel.values.errors import ClockWrong

NANOSECONDS = 1_000_000_000
DAY_NS = 86_400 * NANOSECONDS
LEEWAY_NS = 2 * NANOSECONDS
"""How far two clocks may be apart: as far as the store lets them (store/schema.py)."""


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Returns UTC nanoseconds since 1970-01-01."""


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Returns the machine's UTC nanoseconds."""
        return time.time_ns()


class SteadyClock:
    """Nanoseconds since some moment, for durations inside a process: nobody can set it."""

    def now_ns(self) -> int:
        """Returns the nanoseconds; only their differences mean something."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that moves only when told, for tests and replays."""

    def __init__(self, start_ns: int = 0) -> None:
        """Starts at `start_ns`."""
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Returns the time last set."""
        return self._now_ns

    def advance(self, nanoseconds: int) -> None:
        """Moves forward."""
        self._now_ns += nanoseconds


def require_past(read_ns: int, now_ns: int) -> None:
    """Raises ClockWrong where a time that was read a while ago lies ahead of now: the clock was wrong then."""
    if read_ns - now_ns > LEEWAY_NS:
        raise ClockWrong("the clock of the process was set back while this was decided")


class RisingTimes:
    """Times for the decisions of a group and for their events, which follow a history.

    A decision goes by the clock, its events also by what was recorded before: where a history is ahead of the clock by
    more than clocks may differ, nothing is due because of it. Nothing here outlives the group.
    """

    __slots__ = ("_clock", "now_ns", "recorded_ns")

    def __init__(self, clock: Clock, last_ns: int) -> None:
        """Follows `clock`; events come after `last_ns`, the time of the last one recorded."""
        self._clock = clock
        self.now_ns = 0
        self.recorded_ns = last_ns

    def advance(self) -> None:
        """Reads the clock for the next decision: its events are later than all before, max(clock, last + 1)."""
        clock_ns = self._clock.now_ns()
        self.recorded_ns = max(clock_ns, self.recorded_ns + 1)
        self.now_ns = self.recorded_ns if self.recorded_ns - clock_ns <= LEEWAY_NS else clock_ns
