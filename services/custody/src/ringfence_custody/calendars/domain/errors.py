"""Refusals about calendars, beside those that the kernel names."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class CalendarDayOpen(DomainError):
    """A list says otherwise of a day that is open, or was passed over as closed; the metadata's `day` names it."""

    reason = "CALENDAR_DAY_OPEN"
    code = "FAILED_PRECONDITION"


class DaysNotStepped(DomainError):
    """Days open by the clocks here; only a sandbox steps them."""

    reason = "DAYS_NOT_STEPPED"
    code = "FAILED_PRECONDITION"


class DayStepped(DomainError):
    """Another day is open than the one to go on from; the metadata's `day` names it."""

    reason = "DAY_STEPPED"
    code = "FAILED_PRECONDITION"
