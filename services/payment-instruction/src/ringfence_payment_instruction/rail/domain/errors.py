"""Why a message does not leave for the bank (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class RailUnavailable(DomainError):
    """The way to the bank is closed now; instructions wait and go on by themselves."""

    reason = "RAIL_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class RailContradiction(DomainError):
    """Other bytes stand under a message's name in the outbox: somebody else writes there, and somebody must look."""

    reason = "RAIL_CONTRADICTION"
    code = "FAILED_PRECONDITION"


class AnswerExceptionUnknown(NotFound):
    """No answer of the bank that waits for people has this id."""

    reason = "ANSWER_EXCEPTION_UNKNOWN"


class AnswerNotApplicable(DomainError):
    """The bank's answer cannot be about this payment: it does not await one, or is none of those that fit."""

    reason = "ANSWER_NOT_APPLICABLE"
    code = "FAILED_PRECONDITION"
