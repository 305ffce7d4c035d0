"""The years that are listed and the days that are open, in memory: the same where they are decided and followed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.values.business_days import (
    WEEKDAYS,
    ZONES,
    CalendarUnknown,
    CalendarYearMissing,
    YearList,
    date_of,
    is_weekday,
)
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal


@dataclass(frozen=True, slots=True)
class _Saved:
    years: list[tuple[str, int, tuple[int, ...], tuple[int, ...]]]
    opened: list[tuple[str, int]]


class Calendars:
    """Lists by calendar and year, and each calendar's newest open day. Every change goes through the journal.

    Whoever asks about a day of a year that is not listed is refused with CalendarYearMissing, never told a guess.
    """

    SECTION: ClassVar[str] = "calendars, format 1"

    def __init__(self) -> None:
        """Starts without a list, and before the first day."""
        self.years: dict[tuple[str, int], YearList] = {}
        self._opened: dict[str, int] = {}

    def is_business_day(self, calendar: str, day: int) -> bool:
        """Tells whether a day is one; raises CalendarUnknown, CalendarYearMissing."""
        if calendar == WEEKDAYS:
            return is_weekday(day)
        if calendar not in ZONES:
            raise CalendarUnknown(calendar=calendar)
        year = date_of(day).year
        listed = self.years.get((calendar, year))
        if listed is None:
            raise CalendarYearMissing(calendar=calendar, year=str(year))
        return listed.is_business_day(day)

    def next_business_day(self, calendar: str, day: int) -> int:
        """Returns the first business day after a day; raises CalendarUnknown, CalendarYearMissing."""
        return self.business_day_from(calendar, day + 1)

    def business_day_from(self, calendar: str, day: int) -> int:
        """Returns a day itself or, where it is none, the next business day; raises as `next_business_day`."""
        while not self.is_business_day(calendar, day):
            day += 1
        return day

    def previous_business_day(self, calendar: str, day: int) -> int:
        """Returns the last business day before a day; raises CalendarUnknown, CalendarYearMissing."""
        day -= 1
        while not self.is_business_day(calendar, day):
            day -= 1
        return day

    def opened_day(self, calendar: str) -> int | None:
        """Returns the newest day that is open, None before the first."""
        return self._opened.get(calendar)

    def list_year(self, listed: YearList, journal: Journal) -> None:
        """Takes up a year's list, in place of the one before."""
        journal.put(self.years, (listed.calendar, listed.year), listed)

    def open_day(self, calendar: str, day: int, journal: Journal) -> None:
        """Takes up that a day is open."""
        journal.put(self._opened, calendar, day)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all of it."""
        return [(self.SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[self.SECTION], _Saved)
        self.years = {each[:2]: YearList(*each) for each in saved.years}
        self._opened = dict(saved.opened)

    def _content(self) -> bytes:
        years = [(each.calendar, each.year, each.closed, each.working) for _, each in sorted(self.years.items())]
        return plain.encode(_Saved(years, sorted(self._opened.items())))
