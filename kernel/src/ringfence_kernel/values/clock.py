"""Time: UTC nanoseconds, passed in, never going back."""

from __future__ import annotations

import time
from typing import Protocol

NANOSECONDS = 1_000_000_000
DAY_NS = 86_400 * NANOSECONDS


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Returns UTC nanoseconds since 1970-01-01."""


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Returns the machine's UTC nanoseconds."""
        return time.time_ns()


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


class MonotonicClock:
    """Gives every caller a later time than the one before: max(clock, last + 1)."""

    def __init__(self, clock: Clock, last_ns: int = 0) -> None:
        """Follows `clock`, from after `last_ns`."""
        self._clock = clock
        self.last_ns = last_ns

    def now_ns(self) -> int:
        """Returns a time after every time returned before."""
        self.last_ns = max(self._clock.now_ns(), self.last_ns + 1)
        return self.last_ns

    def observe(self, recorded_ns: int) -> None:
        """Takes note of a time that stands in a recorded event."""
        self.last_ns = max(self.last_ns, recorded_ns)
