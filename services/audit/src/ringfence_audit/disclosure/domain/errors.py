"""Refusals of look-ups and disclosures."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, InvalidArgument


class SubjectErased(DomainError):
    """Who this is about was erased: the data key that sealed it is destroyed, and nobody opens it again."""

    reason = "SUBJECT_ERASED"


class NothingSealed(DomainError):
    """The fact commits to no sealed field of such a name, or to one that no key of identity seals."""

    reason = "NOTHING_SEALED"


class SoughtInvalid(InvalidArgument):
    """What is sought is nothing that can be found so; the metadata's `peer_reason` is why identity says so."""

    reason = "SOUGHT_INVALID"


class SourceUnreachable(DomainError):
    """The service whose event has what the fact commits to cannot be reached now."""

    reason = "SOURCE_UNREACHABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class SourceDiffers(DomainError):
    """The source's event is not the one that was logged: the fact does not commit to what it has."""

    reason = "SOURCE_DIFFERS"
    code = "DATA_LOSS"
