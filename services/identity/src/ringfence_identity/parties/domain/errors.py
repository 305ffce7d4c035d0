"""Refusals about parties, in order of precedence."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, NotFound


class PartyNotFound(NotFound):
    """The tenant has no party with this id."""

    reason: ClassVar[str] = "PARTY_NOT_FOUND"


class SubjectErased(DomainError):
    """The subject's data key was destroyed; nothing personal about it can be read or written again."""

    reason: ClassVar[str] = "SUBJECT_ERASED"


class IdentityNumberTaken(DomainError):
    """Another party of the tenant has this identity number."""

    reason: ClassVar[str] = "IDENTITY_NUMBER_TAKEN"
    code: ClassVar[str] = "ALREADY_EXISTS"


class KycTransitionRefused(DomainError):
    """The KYC table lists no such step; the metadata names the states `from` and `to`."""

    reason: ClassVar[str] = "KYC_TRANSITION_REFUSED"
