"""Refusals that the pipeline itself makes, before a servicer sees the call (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class NotLeader(DomainError):
    """This process is a standby, or leads no more; nothing was done, another process of the service may."""

    reason = "NOT_LEADER"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.1


class MalformedRequest(DomainError):
    """The request is not a message of the method's type."""

    reason = "MALFORMED_REQUEST"
    code = "INVALID_ARGUMENT"


class DeadlineExceeded(DomainError):
    """The call took longer than the caller, or this server, allows; a retry with the same id is safe."""

    reason = "DEADLINE_EXCEEDED"
    code = "DEADLINE_EXCEEDED"
