"""Business days by weekdays alone, of the machine's clock by UTC: Saturdays and Sundays are none."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.clock import DAY_NS, Clock

_SUNDAY, _WEEK = 3, 7
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True, slots=True)
class WeekDays:
    """The Days port, the same for every currency."""

    clock: Clock

    def today(self, ledger: int) -> int:
        """Returns the newest business day up to now."""
        day = self.clock.now_ns() // DAY_NS
        while not _is_week_day(day):
            day -= 1
        return day

    def next_business_day(self, ledger: int, day: int) -> int:
        """Returns the first business day after a day."""
        day += 1
        while not _is_week_day(day):
            day += 1
        return day


def _is_week_day(day: int) -> bool:
    return day % _WEEK not in (_SUNDAY - 1, _SUNDAY)
