"""What custody keeps of calendars, built from events alone: the lists in force and each calendar's newest open day."""

from __future__ import annotations

from typing import ClassVar

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import YearList
from ringfence_kernel.values.columns import unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.calendars.domain.events import EVENTS, BusinessDayOpened, CalendarYear


class State(Calendars):
    """The calendars that are decided here."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event: CalendarYear | BusinessDayOpened = recorded.event
        if isinstance(event, BusinessDayOpened):
            self.open_day(event.calendar, event.day, journal)
        else:
            self.list_year(listed_in(event), journal)


def listed_in(event: CalendarYear) -> YearList:
    """Returns the list that an event holds."""
    closed, working = (tuple(unpack("i", column)) for column in (event.closed_days, event.working_weekends))
    return YearList(event.calendar, event.year, closed, working)
