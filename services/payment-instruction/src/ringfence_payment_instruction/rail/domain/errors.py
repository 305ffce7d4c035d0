"""Why a message does not leave for the bank (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class RailUnavailable(DomainError):
    """The way to the bank is closed now; instructions wait and go on by themselves."""

    reason = "RAIL_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class SubjectErased(DomainError):
    """A party's data key was destroyed while its payment was on the way to the bank; somebody must look."""

    reason = "SUBJECT_ERASED"
    code = "FAILED_PRECONDITION"
