"""Refusals about what banks tell (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class StatementExceptionUnknown(NotFound):
    """The account has no exception of this id that waits for people."""

    reason = "STATEMENT_EXCEPTION_UNKNOWN"


class StatementNotAcceptable(DomainError):
    """Nobody brings a balance forward by what is wrong in itself: a corrected file has to come, or it is voided."""

    reason = "STATEMENT_NOT_ACCEPTABLE"
    code = "FAILED_PRECONDITION"


class HeldEntryUnknown(NotFound):
    """The account has no entry of this id in doubt."""

    reason = "HELD_ENTRY_UNKNOWN"


class MovementUnknown(NotFound):
    """The account has no movement of this id that the entry can be: of its amount, and of its direction."""

    reason = "MOVEMENT_UNKNOWN"
