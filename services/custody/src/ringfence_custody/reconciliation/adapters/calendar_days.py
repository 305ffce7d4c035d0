"""Business days as two people have listed them; by weekdays alone where a calendar is not listed yet."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import CalendarYearMissing, calendar_of
from ringfence_kernel.values.clock import Clock

from ringfence_custody.reconciliation.adapters.week_days import WeekDays


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """The Days port. What banks tell is taken in whether or not somebody has listed the year."""

    calendars: Calendars
    clock: Clock

    def today(self, ledger: int) -> int:
        """Returns the day that is open, or the newest weekday before the first."""
        return self.calendars.opened_day(calendar_of(ledger)) or WeekDays(self.clock).today(ledger)

    def next_business_day(self, ledger: int, day: int) -> int:
        """Returns the first business day after a day."""
        try:
            return self.calendars.next_business_day(calendar_of(ledger), day)
        except CalendarYearMissing:
            return WeekDays(self.clock).next_business_day(ledger, day)
