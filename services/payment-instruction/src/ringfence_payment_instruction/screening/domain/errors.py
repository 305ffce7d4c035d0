"""Refusals of screening (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class SanctionsListDamaged(DomainError):
    """A file of the list has lines that cannot be read, no names, no end, or is not of its format; nothing was done."""

    reason = "SANCTIONS_LIST_DAMAGED"
    code = "INVALID_ARGUMENT"


class SanctionsListOutdated(DomainError):
    """The list is older than the one imported, or dated in the future."""

    reason = "SANCTIONS_LIST_OUTDATED"
    code = "FAILED_PRECONDITION"


class SanctionsListNotFound(NotFound):
    """No list of this name is in force."""

    reason = "SANCTIONS_LIST_NOT_FOUND"


class ScreeningListStale(DomainError):
    """No sanctions list is in force, or one is older than its bound; payments wait for an import or a confirmation."""

    reason = "SCREENING_LIST_STALE"
    code = "FAILED_PRECONDITION"
