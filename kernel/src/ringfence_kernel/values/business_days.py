"""Calendars of business days: which there are, and what a year's list says (ADR 34).

Days count from 1970-01-01. A list names what differs from the week alone: days from Monday to Friday that are closed,
and Saturdays and Sundays that are worked. So one year has one list, one text and one hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from hashlib import sha256
from zoneinfo import ZoneInfo, available_timezones

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError, InvalidArgument

WEEKDAYS = "WEEKDAYS"
"""Monday to Friday: what currencies go by that have no calendar of their own. It needs no lists."""
ZONES: Mapping[str, str] = {
    "TARGET": "Europe/Berlin",
    "GB-ENG": "Europe/London",
    "CN": "Asia/Shanghai",
    WEEKDAYS: "UTC",
}
"""Where a calendar's days begin."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
MOST_EXCEPTIONS = 60
"""Days of a year that are closed, or worked at a weekend: more is no list of holidays."""
_OF_LEDGER = {978: "TARGET", 826: "GB-ENG", 156: "CN"}
_SATURDAY = 5
_EPOCH = date(1970, 1, 1).toordinal()


class CalendarUnknown(DomainError):
    """There is no such calendar, or it takes no lists; the metadata's `calendar` names it."""

    reason = "CALENDAR_UNKNOWN"
    code = "INVALID_ARGUMENT"


class CalendarListWrong(DomainError):
    """A year's list is not in its one form, or not the one that its hash is of; the metadata's `because` says why."""

    reason = "CALENDAR_LIST_WRONG"
    code = "INVALID_ARGUMENT"


class CalendarYearMissing(DomainError):
    """Nobody knows whether a day is a business day: two people have listed no such year of the calendar yet.

    The metadata names `calendar` and `year`. What needs to know waits.
    """

    reason = "CALENDAR_YEAR_MISSING"
    code = "FAILED_PRECONDITION"


def calendar_of(ledger: int) -> str:
    """Returns the calendar by which a currency (ISO 4217 numeric code) settles."""
    return _OF_LEDGER.get(ledger, WEEKDAYS)


@cache
def time_zones() -> frozenset[str]:
    """Returns the names of all time zones (IANA)."""
    return frozenset(available_timezones())


def local_day(time_ns: int, zone: str) -> int:
    """Returns which day it is in a time zone (IANA) at UTC nanoseconds."""
    seconds = time_ns // NANOSECONDS
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)).date().toordinal() - _EPOCH


def start_of_day(day: int, zone: str) -> int:
    """Returns when a day begins in a time zone, UTC nanoseconds."""
    return int(datetime.combine(date_of(day), time(), ZoneInfo(zone)).timestamp()) * NANOSECONDS


def day_of(day: date) -> int:
    """Returns the number of a date."""
    return day.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """Returns the date of a number."""
    return date.fromordinal(_EPOCH + day)


def is_weekday(day: int) -> bool:
    """Tells whether a day is one from Monday to Friday."""
    return date_of(day).weekday() < _SATURDAY


@dataclass(frozen=True, slots=True)
class YearList:
    """What a calendar's year has beside the week, both in order; made by `year_list`, which checks."""

    calendar: str
    year: int
    closed: tuple[int, ...]
    working: tuple[int, ...]
    _closed: frozenset[int] = field(init=False, repr=False, compare=False)
    _working: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_closed", frozenset(self.closed))
        object.__setattr__(self, "_working", frozenset(self.working))

    def is_business_day(self, day: int) -> bool:
        """Tells whether a day of the year is one."""
        return day not in self._closed if is_weekday(day) else day in self._working

    def document(self) -> str:
        """Returns the list's canonical text: a head, then a line for each day, each line ended by a newline."""
        lines = [f"ringfence calendar {self.calendar} {self.year}"]
        lines += [f"closed {date_of(day).isoformat()}" for day in self.closed]
        lines += [f"working {date_of(day).isoformat()}" for day in self.working]
        return "".join(f"{line}\n" for line in lines)

    def document_sha256(self) -> bytes:
        """Returns the hash of the canonical text in UTF-8."""
        return sha256(self.document().encode()).digest()


def year_list(calendar: str, year: int, closed: Sequence[int], working: Sequence[int]) -> YearList:
    """Returns a list that was handed in; raises CalendarUnknown, InvalidArgument, CalendarListWrong."""
    if calendar not in ZONES or calendar == WEEKDAYS:
        raise CalendarUnknown(calendar=calendar)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InvalidArgument(f"year must be {FIRST_YEAR} to {LAST_YEAR}", field="year")
    first, last = day_of(date(year, 1, 1)), day_of(date(year, 12, 31))
    for name, days, on_weekdays in (("closed", closed, True), ("working", working, False)):
        if len(days) > MOST_EXCEPTIONS:
            raise _wrong(f"more than {MOST_EXCEPTIONS} {name} days")
        if list(days) != sorted(set(days)):
            raise _wrong(f"{name} days are not in order, each once")
        for day in days:
            if not first <= day <= last:
                raise _wrong(f"a {name} day lies outside the year")
            if is_weekday(day) is not on_weekdays:
                raise _wrong(f"{date_of(day).isoformat()} needs no line: its weekday says so")
    return YearList(calendar, year, tuple(closed), tuple(working))


def _wrong(because: str) -> CalendarListWrong:
    return CalendarListWrong(because=because)
