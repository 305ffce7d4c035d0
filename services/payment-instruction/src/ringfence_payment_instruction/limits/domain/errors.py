"""Why limits are not set (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class LimitsVersionTaken(DomainError):
    """The version is not the one that follows, or stands for other limits; the metadata names the one in force."""

    reason = "LIMITS_VERSION_TAKEN"
    code = "FAILED_PRECONDITION"
