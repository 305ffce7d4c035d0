"""Drafts lists of calendars' years with the `holidays` library: a proposal to look at, nothing that is in force.

The library (MIT, released monthly) is asked here and nowhere else: what it says of a year counts once two people have
looked at it beside the central bank's or the government's own list.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ringfence.calendars import LISTED, CalendarYear
from ringfence.errors import SetupError

_SATURDAY = 5


class DraftingError(SetupError):
    """A list cannot be drafted here; the text says why."""

    subject = "calendar"


def draft(calendar: str, year: int) -> CalendarYear:
    """A list as the library computes it; China's is a guess until its government has decreed the year.

    Raises DraftingError for another calendar, a year the library does not know, or where it is not installed.
    """
    if calendar not in LISTED:
        raise DraftingError(f"{calendar!r} is none of {', '.join(LISTED)}")
    known = _library(calendar, year)
    closed = sorted(day for day in known if day.year == year and day.weekday() < _SATURDAY)
    if not closed:
        raise DraftingError(f"the library knows no holidays of {calendar} in {year}")
    worked: Iterable[date] = getattr(known, "weekend_workdays", ())
    working = sorted(day for day in worked if day.year == year and day.weekday() >= _SATURDAY)
    return CalendarYear(calendar, year, closed, working)


def _library(calendar: str, year: int) -> Mapping[date, Any]:
    try:
        import holidays
    except ImportError:
        raise DraftingError("drafts need the holidays library: pip install 'ringfence[calendars]'") from None
    if calendar == "TARGET":
        return holidays.financial_holidays("XECB", years=year)
    if calendar == "CN":
        return holidays.country_holidays("CN", years=year)
    return holidays.country_holidays("GB", subdiv="ENG", years=year)
