"""Refusals that callers of payment-instruction may see (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


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


class CustodyUnavailable(DomainError):
    """Custody cannot answer now; instructions wait and go on by themselves."""

    reason = "CUSTODY_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class RailUnavailable(DomainError):
    """The way to the bank is closed now; instructions wait and go on by themselves."""

    reason = "RAIL_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class ScreeningListStale(DomainError):
    """No sanctions list is in force, or one is older than its bound; instructions wait for an import."""

    reason = "SCREENING_LIST_STALE"
    code = "FAILED_PRECONDITION"


class BookAccountMissing(DomainError):
    """The book has no bank mirror or suspense account in that currency; instructions and deposits wait for one."""

    reason = "BOOK_ACCOUNT_MISSING"
    code = "FAILED_PRECONDITION"


class LedgerContradiction(DomainError):
    """Custody's answer contradicts what the bank said; somebody must look, nothing is invented."""

    reason = "LEDGER_CONTRADICTION"
    code = "FAILED_PRECONDITION"


class SubjectErased(DomainError):
    """A party's data key was destroyed while its payment was on the way to the bank; somebody must look."""

    reason = "SUBJECT_ERASED"
    code = "FAILED_PRECONDITION"
