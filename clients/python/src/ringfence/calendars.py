"""Calendars: which days of a year are business days, as custody has it, and as a list that two people look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

import grpc
from ringfence_protos.custody.v1 import calendars_pb2 as pb
from ringfence_protos.custody.v1 import calendars_pb2_grpc

from ringfence.errors import SetupError
from ringfence.ids import optional
from ringfence.transport import Connection

LISTED = ("TARGET", "GB-ENG", "CN")
"""Calendars that have a list for each year; "WEEKDAYS" is Monday to Friday and has none."""
_EPOCH = date(1970, 1, 1)
_HEAD = "ringfence calendar "


class CalendarTextError(SetupError):
    """A file is no list of a calendar's year in its one form; the text says why."""

    subject = "calendar"


@dataclass(frozen=True)
class CalendarYear:
    """A year's list, in order: days from Monday to Friday that are closed, Saturdays and Sundays that are worked."""

    calendar: str
    year: int
    closed: Sequence[date]
    working: Sequence[date] = ()

    @property
    def document(self) -> str:
        """The list's canonical text (docs/formats.md)."""
        lines = [f"{_HEAD}{self.calendar} {self.year}"]
        lines += [f"closed {day.isoformat()}" for day in self.closed]
        lines += [f"working {day.isoformat()}" for day in self.working]
        return "".join(f"{line}\n" for line in lines)

    @property
    def document_sha256(self) -> bytes:
        """SHA-256 of the text: what is in force is named by it."""
        return sha256(self.document.encode()).digest()


@dataclass(frozen=True)
class Calendar:
    """What custody knows of a calendar; `opened_day` is its newest open business day, None before the first."""

    name: str
    time_zone: str
    opened_day: date | None
    years: Sequence[CalendarYear]


class Calendars:
    """Business days, kept by custody for all services."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = calendars_pb2_grpc.CalendarServiceStub(channel)

    def propose_year(self, listed: CalendarYear) -> UUID | None:
        """Proposes a year's list as an operator, in place of the one before where there is one.

        Returns the proposal that a second operator must confirm; None where this list is in force already.
        """
        message = pb.ListedYear(
            calendar=listed.calendar,
            year=listed.year,
            closed_days=map(_number, listed.closed),
            working_weekends=map(_number, listed.working),
            document_sha256=listed.document_sha256,
        )
        request = pb.ProposeCalendarYearRequest(listed=message)
        return optional(self._connection.call(self._stub.ProposeCalendarYear, request).proposal_id)

    def get(self, calendar: str) -> Calendar:
        """A calendar with all years that are listed, in order."""
        reply = self._connection.call(self._stub.GetCalendar, pb.GetCalendarRequest(calendar=calendar))
        years = [
            CalendarYear(
                each.calendar, each.year, [*map(_date, each.closed_days)], [*map(_date, each.working_weekends)]
            )
            for each in reply.years
        ]
        return Calendar(calendar, reply.time_zone, _date(reply.opened_day) if reply.opened_day else None, years)

    def step(self, calendar: str, after: date | None) -> date:
        """Opens the next business day after the one that is open, in a sandbox; returns the newest open day.

        The same call again is refused as DAY_STEPPED: it opens no other day.
        """
        request = pb.StepBusinessDayRequest(calendar=calendar, after_day=_number(after) if after else 0)
        return _date(self._connection.call(self._stub.StepBusinessDay, request).opened_day)


def parsed(text: str) -> CalendarYear:
    """The list that a canonical text holds; raises CalendarTextError for any other text."""
    head, *lines = text.splitlines() or [""]
    calendar, _, year = head.removeprefix(_HEAD).partition(" ")
    days: dict[str, list[date]] = {"closed": [], "working": []}
    try:
        for line in lines:
            kind, _, day = line.partition(" ")
            days[kind].append(date.fromisoformat(day))
        found = CalendarYear(calendar, int(year), days["closed"], days["working"])
    except (KeyError, ValueError):
        found = None
    if found is None or found.document != text:
        raise CalendarTextError("this is no list in its one form: a head, then `closed` and `working` days in order")
    return found


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _date(number: int) -> date:
    return _EPOCH + timedelta(days=number)
