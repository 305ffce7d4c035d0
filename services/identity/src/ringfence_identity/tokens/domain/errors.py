"""Refusals of tokens, certificates and authorisations, in order of precedence."""

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
    """The client certificate presented is not one that stands pinned for the principal, whoever has signed it."""

    reason: ClassVar[str] = "CERTIFICATE_MISMATCH"
    code: ClassVar[str] = "UNAUTHENTICATED"


class ScopeNotHeld(DomainError):
    """A scope was asked for that the principal's role does not carry, or that the token lacks."""

    reason: ClassVar[str] = "SCOPE_NOT_HELD"
    code: ClassVar[str] = "PERMISSION_DENIED"


class SubmissionRefused(DomainError):
    """The access token shown for a submission is not valid, not the submitter's, or not for that tenant."""

    reason: ClassVar[str] = "SUBMISSION_REFUSED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class AuthorisationNotFound(NotFound):
    """The tenant has no submission of this id that is authorised, or it is another's."""

    reason: ClassVar[str] = "AUTHORISATION_NOT_FOUND"
