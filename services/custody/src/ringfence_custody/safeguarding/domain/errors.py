"""Refusals about safeguarding days (docs/errors.md)."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.values.errors import DomainError, NotFound


class SafeguardingDayUnknown(NotFound):
    """There is no such day of the platform: it was not cut yet, or the platform holds no money of that currency."""

    reason = "SAFEGUARDING_DAY_UNKNOWN"


class SafeguardingDayState(DomainError):
    """The day is not as far as that; the metadata names its `status` and what it waits for, `open`."""

    reason = "SAFEGUARDING_DAY_STATE"
    code = "FAILED_PRECONDITION"

    def __init__(self, status: str, waits_for: str = "") -> None:
        """Takes the day's status, and what it waits for."""
        super().__init__(status=status, **({"open": waits_for} if waits_for else {}))


class SafeguardingDayOpen(DomainError):
    """Something of the day is open, so it is not signed; the metadata lists it in `open`."""

    reason = "SAFEGUARDING_DAY_OPEN"
    code = "FAILED_PRECONDITION"

    def __init__(self, what: Sequence[str]) -> None:
        """Takes what is open, in words."""
        super().__init__(open="; ".join(what))


class SafeguardingPoolUnknown(DomainError):
    """No pool of client money has this name."""

    reason = "SAFEGUARDING_POOL_UNKNOWN"
    code = "INVALID_ARGUMENT"
