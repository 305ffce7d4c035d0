"""Refusals of the identity service, in order of precedence: who asks, then what is asked, then its state."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, NotFound


class AssertionInvalid(DomainError):
    """The client assertion proves no registered principal: form, claims, key or signature (RFC 7523 section 3)."""

    reason: ClassVar[str] = "ASSERTION_INVALID"
    code: ClassVar[str] = "UNAUTHENTICATED"


class AssertionExpired(DomainError):
    """The client assertion is past its `exp`, or its `exp` lies more than 300 seconds ahead."""

    reason: ClassVar[str] = "ASSERTION_EXPIRED"
    code: ClassVar[str] = "UNAUTHENTICATED"


class AssertionReplayed(DomainError):
    """The `jti` of the client assertion was used before."""

    reason: ClassVar[str] = "ASSERTION_REPLAYED"
    code: ClassVar[str] = "UNAUTHENTICATED"


class CertificateMismatch(DomainError):
    """The client certificate presented is not one of the principal's."""

    reason: ClassVar[str] = "CERTIFICATE_MISMATCH"
    code: ClassVar[str] = "UNAUTHENTICATED"


class PrincipalNotActive(DomainError):
    """The principal waits for a second operator, or it or its platform is suspended."""

    reason: ClassVar[str] = "PRINCIPAL_NOT_ACTIVE"
    code: ClassVar[str] = "PERMISSION_DENIED"


class ScopeNotHeld(DomainError):
    """A scope was asked for that the principal's role does not carry, or that the token lacks."""

    reason: ClassVar[str] = "SCOPE_NOT_HELD"
    code: ClassVar[str] = "PERMISSION_DENIED"


class OperatorRequired(DomainError):
    """Only an operator may do this."""

    reason: ClassVar[str] = "OPERATOR_REQUIRED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class SecondPersonRequired(DomainError):
    """The confirmation must come from another operator than the proposal, and not from its subject."""

    reason: ClassVar[str] = "SECOND_PERSON_REQUIRED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class SubmissionRefused(DomainError):
    """The access token shown for a submission is not valid, not the submitter's, or not for that tenant."""

    reason: ClassVar[str] = "SUBMISSION_REFUSED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class PrincipalNotFound(NotFound):
    """No principal has this id."""

    reason: ClassVar[str] = "PRINCIPAL_NOT_FOUND"


class TenantNotFound(NotFound):
    """No active platform has this id."""

    reason: ClassVar[str] = "TENANT_NOT_FOUND"


class PartyNotFound(NotFound):
    """The tenant has no party with this id."""

    reason: ClassVar[str] = "PARTY_NOT_FOUND"


class SubjectErased(DomainError):
    """The subject's data key was destroyed; nothing personal about it can be read or written again."""

    reason: ClassVar[str] = "SUBJECT_ERASED"


class ExistsWithDifferentData(DomainError):
    """The id is taken by something with other contents."""

    reason: ClassVar[str] = "EXISTS_WITH_DIFFERENT_DATA"
    code: ClassVar[str] = "ALREADY_EXISTS"


class IdentityNumberTaken(DomainError):
    """Another party of the tenant has this identity number."""

    reason: ClassVar[str] = "IDENTITY_NUMBER_TAKEN"
    code: ClassVar[str] = "ALREADY_EXISTS"


class IbanTaken(DomainError):
    """The IBAN stands for another account already."""

    reason: ClassVar[str] = "IBAN_TAKEN"
    code: ClassVar[str] = "ALREADY_EXISTS"


class KycTransitionRefused(DomainError):
    """The KYC table lists no such step; the metadata names the states `from` and `to`."""

    reason: ClassVar[str] = "KYC_TRANSITION_REFUSED"


class IbanInvalid(DomainError):
    """The text is no IBAN: its form or its check digits are wrong (ISO 13616)."""

    reason: ClassVar[str] = "IBAN_INVALID"
    code: ClassVar[str] = "INVALID_ARGUMENT"
