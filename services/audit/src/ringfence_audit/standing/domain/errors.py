"""Refusals of readers by what they are granted, in the order in which they are checked."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class GrantPending(DomainError):
    """The log has not yet taken over what identity had said when the caller's token was issued."""

    reason = "GRANT_PENDING"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class GrantNotInForce(DomainError):
    """What the caller may read by has not begun, or has ended, or there is none."""

    reason = "GRANT_NOT_IN_FORCE"
    code = "PERMISSION_DENIED"


class GrantTooNarrow(DomainError):
    """The method shows the whole log, and the caller's grant is of some platforms: whatever it asks for."""

    reason = "GRANT_TOO_NARROW"
    code = "PERMISSION_DENIED"
