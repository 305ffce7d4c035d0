"""Refusals of screening (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound, QuotaExceeded


class SanctionsListDamaged(DomainError):
    """A file of the list has lines that cannot be read, no names, no end, or is not of its format or SHA-256."""

    reason = "SANCTIONS_LIST_DAMAGED"
    code = "INVALID_ARGUMENT"


class SanctionsListOutdated(DomainError):
    """The list is older than the one imported, or dated in the future."""

    reason = "SANCTIONS_LIST_OUTDATED"
    code = "FAILED_PRECONDITION"


class SanctionsListsExceeded(DomainError):
    """There would be more lists, or names on them, than may be in force or wait; one out of use can be retired."""

    reason = "SANCTIONS_LISTS_QUOTA_EXCEEDED"
    code = "RESOURCE_EXHAUSTED"


class SanctionsEditionsExceeded(QuotaExceeded):
    """The operator has brought as many editions of lists as one may in a day; nothing was done."""

    reason = "SANCTIONS_EDITIONS_QUOTA_EXCEEDED"


class SanctionsListNotFound(NotFound):
    """No list of this name is in force."""

    reason = "SANCTIONS_LIST_NOT_FOUND"


class ScreeningListStale(DomainError):
    """No sanctions list is in force, or one is older than its bound; payments wait for an import or a confirmation."""

    reason = "SCREENING_LIST_STALE"
    code = "FAILED_PRECONDITION"


class ClientNotIndexed(DomainError):
    """A client's registered name, or an owner's, is not known here yet; what names him waits until it is."""

    reason = "CLIENT_NOT_INDEXED"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.1


class ClientNotBlocked(DomainError):
    """Identity does not block a client that is on a list; it is asked again, and somebody must look."""

    reason = "CLIENT_NOT_BLOCKED"
    code = "FAILED_PRECONDITION"


class NothingHit(DomainError):
    """No list has stopped this payment, so there is nothing to release."""

    reason = "NOTHING_HIT"
    code = "FAILED_PRECONDITION"
