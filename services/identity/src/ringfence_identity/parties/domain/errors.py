"""Refusals about parties, in order of precedence."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, NotFound


class PartyNotFound(NotFound):
    """The tenant has no party with this id."""

    reason: ClassVar[str] = "PARTY_NOT_FOUND"


class SubjectErased(DomainError):
    """The subject's data key was destroyed; nothing personal about it can be read or written again."""

    reason: ClassVar[str] = "SUBJECT_ERASED"


class ErasureRegisterUnavailable(DomainError):
    """The register of the erased cannot be reached; whether somebody is erased is found by asking again."""

    reason: ClassVar[str] = "ERASURE_REGISTER_UNAVAILABLE"
    code: ClassVar[str] = "UNAVAILABLE"
    retry_after_seconds = 1.0


class ErasureRegisterWrong(DomainError):
    """The register of the erased is not the one this database has used; nobody leads until the right one is back."""

    reason: ClassVar[str] = "ERASURE_REGISTER_WRONG"
    code: ClassVar[str] = "UNAVAILABLE"


class ErasureRegisterUnlocked(DomainError):
    """The bucket of the register of the erased must lock objects and does not say so; nobody leads until it does."""

    reason: ClassVar[str] = "ERASURE_REGISTER_UNLOCKED"
    code: ClassVar[str] = "UNAVAILABLE"


class ErasureNotLogged(DomainError):
    """The erasure is done and in the register, not in the audit log yet; to confirm again answers once it is."""

    reason: ClassVar[str] = "ERASURE_NOT_LOGGED"
    code: ClassVar[str] = "UNAVAILABLE"


class NotACompany(DomainError):
    """Only a company has beneficial owners."""

    reason: ClassVar[str] = "NOT_A_COMPANY"


class SharesExceedWhole(DomainError):
    """The shares of a company's owners are more than the whole together."""

    reason: ClassVar[str] = "SHARES_EXCEED_WHOLE"
    code: ClassVar[str] = "INVALID_ARGUMENT"


class IdentityNumberTaken(DomainError):
    """Another party of the tenant has this identity number."""

    reason: ClassVar[str] = "IDENTITY_NUMBER_TAKEN"
    code: ClassVar[str] = "ALREADY_EXISTS"


class KycTransitionRefused(DomainError):
    """The KYC table lists no such step; the metadata names the states `from` and `to`."""

    reason: ClassVar[str] = "KYC_TRANSITION_REFUSED"
