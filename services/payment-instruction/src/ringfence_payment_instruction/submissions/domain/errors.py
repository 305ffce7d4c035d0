"""Refusals that callers of payment-instruction may see, and that more than one module gives (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound, QuotaExceeded


class TransitionUnlisted(DomainError):
    """The table of transitions has no such step; nothing was changed."""

    reason = "TRANSITION_UNLISTED"
    code = "FAILED_PRECONDITION"

    def __init__(self, before: str, after: str) -> None:
        """Names both states."""
        super().__init__(f"an instruction does not go from {before} to {after}", before=before, after=after)


class TenantForbidden(DomainError):
    """The caller acts for one tenant and named another, or for none where one is needed."""

    reason = "TENANT_FORBIDDEN"
    code = "PERMISSION_DENIED"


class InstructionUnknown(NotFound):
    """The tenant has no instruction of this id; another tenant's is as unknown."""

    reason = "INSTRUCTION_UNKNOWN"


class SubmissionConflict(DomainError):
    """The submission id was used before with other content."""

    reason = "SUBMISSION_EXISTS_WITH_DIFFERENT_CONTENT"
    code = "ALREADY_EXISTS"


class AuthorisationRefused(DomainError):
    """Identity does not authorise the submission, or custody does not accept its authorisation any more."""

    reason = "AUTHORISATION_REFUSED"
    code = "PERMISSION_DENIED"


class IdentityUnavailable(DomainError):
    """Identity cannot answer now; nothing was taken in, and the same request may be sent again."""

    reason = "IDENTITY_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class KeysUnavailable(DomainError):
    """The keys that seal personal data cannot be had now; the same request may be sent again."""

    reason = "KEYS_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class EvidenceRefused(DomainError):
    """A bank's file is refused whole, and will be whenever it comes again."""


class EvidenceUnreadable(EvidenceRefused):
    """The bank's file is refused whole: malformed, not valid by its schema, or of a message not supported."""

    reason = "EVIDENCE_UNREADABLE"
    code = "INVALID_ARGUMENT"


class EvidenceConflict(EvidenceRefused):
    """An entry reference was used before with other content; the file is refused whole."""

    reason = "EVIDENCE_EXISTS_WITH_DIFFERENT_CONTENT"
    code = "ALREADY_EXISTS"


class TooManyFiles(QuotaExceeded):
    """As many files are handed in or read at once as may be, by one sender or by all; this one was not looked at."""

    reason = "TOO_MANY_FILES_AT_ONCE"

    def __init__(self) -> None:
        """A file is read within a second or two."""
        super().__init__(retry_after_seconds=0.5)


class RefusedFilesExceeded(QuotaExceeded):
    """The tenant has had so many files refused that no further answer is kept, or unreadable that none is read."""

    reason = "REFUSED_FILES_QUOTA_EXCEEDED"
