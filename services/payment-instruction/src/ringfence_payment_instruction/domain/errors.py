"""Refusals that callers of payment-instruction may see (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.errors import DomainError


class TransitionUnlisted(DomainError):
    """The state machine of requirements C has no such transition; nothing was changed."""

    reason = "TRANSITION_UNLISTED"
    code = "FAILED_PRECONDITION"

    def __init__(self, before: str, after: str) -> None:
        """Names both states."""
        super().__init__(f"an instruction does not go from {before} to {after}", before=before, after=after)


class TenantForbidden(DomainError):
    """The caller acts for one tenant and named another, or for none where one is needed."""

    reason = "TENANT_FORBIDDEN"
    code = "PERMISSION_DENIED"


class SubmissionConflict(DomainError):
    """The submission id was used before with other content."""

    reason = "SUBMISSION_EXISTS_WITH_DIFFERENT_CONTENT"
    code = "ALREADY_EXISTS"


class EvidenceUnreadable(DomainError):
    """The bank's file is refused whole: malformed, not valid by its schema, or of a message not supported."""

    reason = "EVIDENCE_UNREADABLE"
    code = "INVALID_ARGUMENT"


class BankAccountUnknown(DomainError):
    """The notification is about an account that is nobody's safeguarding account, or not the caller's bank's."""

    reason = "BANK_ACCOUNT_UNKNOWN"
    code = "FAILED_PRECONDITION"


class EvidenceConflict(DomainError):
    """An entry reference was used before with other content; the file is refused whole."""

    reason = "EVIDENCE_EXISTS_WITH_DIFFERENT_CONTENT"
    code = "ALREADY_EXISTS"


class SanctionsListDamaged(DomainError):
    """The list's file has lines that cannot be read, no names, or is not of its format; nothing was imported."""

    reason = "SANCTIONS_LIST_DAMAGED"
    code = "INVALID_ARGUMENT"


class SanctionsListOutdated(DomainError):
    """The list is older than the one imported, or dated in the future."""

    reason = "SANCTIONS_LIST_OUTDATED"
    code = "FAILED_PRECONDITION"
