"""Events about calendars: frozen, published by the feed; columns are packed as integers, big-endian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """Two people have listed a year, in place of the list before where there was one."""

    TOPIC: ClassVar[str] = "CalendarYear.v1"
    calendar: str
    year: int
    closed_days: bytes  # 4 bytes per day, signed: days since 1970-01-01
    working_weekends: bytes  # 4 bytes per day, signed
    document_sha256: bytes
    proposer: bytes
    confirmer: bytes


@dataclass(frozen=True, slots=True)
class BusinessDayOpened:
    """A business day is open; `previous_day` is the one open before, 0 for the first."""

    TOPIC: ClassVar[str] = "BusinessDayOpened.v1"
    calendar: str
    day: int  # days since 1970-01-01
    previous_day: int
    opened_ns: int
    stepped: bool


EVENTS: tuple[type, ...] = (CalendarYear, BusinessDayOpened)
