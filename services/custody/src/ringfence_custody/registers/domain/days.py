"""Days as numbers since 1970-01-01, and where those of an act may lie."""

from __future__ import annotations

from ringfence_kernel.values.clock import NANOSECONDS

from ringfence_custody.registers.domain.errors import DayRefused

DAY_NS = 86_400 * NANOSECONDS
AHEAD = 1
"""A day may have begun elsewhere before it does in UTC."""


def day_of(now_ns: int) -> int:
    """Returns the UTC day of a time in nanoseconds."""
    return now_ns // DAY_NS


def require_done(field: str, day: int, today: int, *, not_before: int = 1) -> None:
    """Raises DayRefused for a day on which nothing can have been done: still to come, or before what it follows."""
    if day > today + AHEAD:
        raise DayRefused(f"{field} is in the future", field=field, because="in_future")
    if day < not_before:
        raise DayRefused(f"{field} is before what it follows", field=field, because="too_early")


def require_to_come(field: str, day: int, today: int) -> None:
    """Raises DayRefused for a day that is not later than today."""
    if day <= today:
        raise DayRefused(f"{field} is not in the future", field=field, because="not_in_future")
