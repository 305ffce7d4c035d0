"""The root of all refusals that a caller may see."""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A refusal with a name.

    Subclasses stand beside their domain and set `reason` (UPPER_SNAKE, listed in docs/errors.md) and `code` (a gRPC
    status name). The message and the metadata are shown to the caller, so they hold no personal data.
    """

    reason: ClassVar[str] = "REFUSED"
    code: ClassVar[str] = "FAILED_PRECONDITION"
    retry_after_seconds: float | None = None

    def __init__(self, message: str = "", **metadata: str) -> None:
        """Takes a message for people and metadata for programs."""
        super().__init__(message or self.reason.replace("_", " ").capitalize())
        self.metadata = metadata


class InvalidArgument(DomainError):
    """A field is missing, malformed or out of bounds; the metadata's `field` names it."""

    reason = "INVALID_ARGUMENT"
    code = "INVALID_ARGUMENT"


class NotFound(DomainError):
    """There is no such thing, or none that the caller may see."""

    reason = "NOT_FOUND"
    code = "NOT_FOUND"


class Overloaded(DomainError):
    """More is asked for than can be done soon; nothing was done."""

    reason = "OVERLOADED"
    code = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str = "", *, retry_after_seconds: float = 0.1) -> None:
        """Takes the time after which it is worth to come again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class QuotaExceeded(DomainError):
    """A tenant has used up what it may; nothing was done. Each quota has a reason of its own."""

    code = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str = "", *, retry_after_seconds: float) -> None:
        """Takes the time after which there is something to use again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(DomainError):
    """The event store cannot be reached; whether a write took effect is found by retrying with the same id."""

    reason = "STORE_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class ClockWrong(DomainError):
    """The clocks of this process and of its database differ by more than two seconds; nothing was done."""

    reason = "CLOCK_WRONG"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class HistoryAhead(DomainError):
    """What is recorded is dated ahead of both clocks; nothing was done, and an operator must look."""

    reason = "HISTORY_AHEAD"
    code = "UNAVAILABLE"
    retry_after_seconds = 5.0
