"""Which business days are due, and what a new list may say of those that are past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import ZONES, YearList, date_of, day_of, local_day
from ringfence_kernel.values.clock import LEEWAY_NS

from ringfence_custody.calendars.domain.errors import CalendarDayOpen
from ringfence_custody.calendars.domain.events import BusinessDayOpened


def due(calendars: Calendars, calendar: str, now_ns: int) -> Iterator[BusinessDayOpened]:
    """Yields the days of a calendar that have begun and are not open, in order, whoever opens them meanwhile.

    A day has begun when it has by both clocks: the writer's is asked, and the database's differs by no more than the
    leeway where it lets anything be written. The first day ever is the last business day up to now; from then on none
    is left out. Raises CalendarYearMissing where it cannot be told whether the next day is one.
    """
    today = local_day(now_ns - LEEWAY_NS, ZONES[calendar])
    opened = calendars.opened_day(calendar)
    if opened is None:
        first = calendars.previous_business_day(calendar, today + 1)
        yield BusinessDayOpened(calendar, first, 0, now_ns, False)
        opened = first
    while opened < today:
        day = calendars.next_business_day(calendar, opened)
        if day > today:
            return
        yield BusinessDayOpened(calendar, day, opened, now_ns, False)
        opened = day


def require_past_kept(calendars: Calendars, listed: YearList) -> None:
    """Raises CalendarDayOpen where a list says otherwise than the one before of a day up to the newest open one."""
    before, opened = calendars.years.get((listed.calendar, listed.year)), calendars.opened_day(listed.calendar)
    if before is None or opened is None:
        return
    first, last = day_of(date(listed.year, 1, 1)), min(opened, day_of(date(listed.year, 12, 31)))
    for day in range(first, last + 1):
        if before.is_business_day(day) is not listed.is_business_day(day):
            raise CalendarDayOpen(day=date_of(day).isoformat())


def listed_until(calendars: Calendars, calendar: str, day: int) -> int:
    """Returns the last day from a day on that lists know of, without a gap; the day before where there is no list."""
    year = date_of(day).year
    while (calendar, year) in calendars.years:
        day, year = day_of(date(year, 12, 31)) + 1, year + 1
    return day - 1
