"""What a service that follows custody's days took over, as events of its own: frozen, published by its own feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import YearList
from ringfence_kernel.values.columns import unpack
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal


@dataclass(frozen=True, slots=True)
class CalendarYearNoted:
    """From here on it is known which days of a calendar's year are business days."""

    TOPIC: ClassVar[str] = "CalendarYearNoted.v1"
    calendar: str
    year: int
    closed_days: bytes  # 4 bytes per day, signed: days since 1970-01-01
    working_weekends: bytes  # 4 bytes per day, signed
    document_sha256: bytes

    @property
    def stream(self) -> bytes:
        """The calendar's."""
        return stream_of(self.calendar)


@dataclass(frozen=True, slots=True)
class BusinessDayNoted:
    """From here on it is known that a business day is open."""

    TOPIC: ClassVar[str] = "BusinessDayNoted.v1"
    calendar: str
    day: int  # days since 1970-01-01

    @property
    def stream(self) -> bytes:
        """The calendar's."""
        return stream_of(self.calendar)


class NotedCalendars(Calendars):
    """Calendars as custody's feed has told them."""

    EVENTS: ClassVar[tuple[type, ...]] = (CalendarYearNoted, BusinessDayNoted)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event: CalendarYearNoted | BusinessDayNoted = recorded.event
        if isinstance(event, BusinessDayNoted):
            self.open_day(event.calendar, event.day, journal)
        else:
            self.list_year(listed_in(event), journal)


def listed_in(event: CalendarYearNoted) -> YearList:
    """Returns the list that an event holds."""
    closed, working = (tuple(unpack("i", column)) for column in (event.closed_days, event.working_weekends))
    return YearList(event.calendar, event.year, closed, working)


def stream_of(calendar: str) -> bytes:
    """Returns the stream of a calendar's events, in every service."""
    return external_id("calendar", b"", calendar)
