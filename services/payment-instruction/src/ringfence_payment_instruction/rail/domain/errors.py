"""Why a message does not leave for the bank (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class RailUnavailable(DomainError):
    """The way to the bank is closed now; instructions wait and go on by themselves."""

    reason = "RAIL_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class RailContradiction(DomainError):
    """Other bytes stand under a message's name in the outbox: somebody else writes there, and somebody must look."""

    reason = "RAIL_CONTRADICTION"
    code = "FAILED_PRECONDITION"
