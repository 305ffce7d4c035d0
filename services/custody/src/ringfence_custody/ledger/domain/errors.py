"""Refusals of whole requests; refusals of single rows are result codes (result_codes.py)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, QuotaExceeded


class ColumnsMalformed(DomainError):
    """A column does not fit the batch: wrong length, a value out of its type's range, or too many rows."""

    reason = "COLUMNS_MALFORMED"
    code = "INVALID_ARGUMENT"


class BookNotFound(DomainError):
    """There is no such book, or none that the caller may see."""

    reason = "BOOK_NOT_FOUND"
    code = "NOT_FOUND"


class StatementsBehind(DomainError):
    """The read model has not caught up with what was committed before the call; the ledger itself goes on."""

    reason = "STATEMENTS_BEHIND"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class AccountNotFound(DomainError):
    """The account is not in the caller's book."""

    reason = "ACCOUNT_NOT_FOUND"
    code = "NOT_FOUND"


class AccountTransitionRefused(DomainError):
    """An account may not move to that state; the metadata names `account`, `from`, `to` and `because`."""

    reason = "ACCOUNT_TRANSITION_REFUSED"
    code = "FAILED_PRECONDITION"


class RulesBelowMinimum(DomainError):
    """Rules may be stricter than the built-in minimum, never looser; the metadata names `purpose` and `because`."""

    reason = "RULES_BELOW_MINIMUM"
    code = "INVALID_ARGUMENT"


class RulesVersionTaken(DomainError):
    """The book has adopted other rules under this version before."""

    reason = "RULES_VERSION_TAKEN"
    code = "ALREADY_EXISTS"


class PlatformSuspended(DomainError):
    """The platform is suspended whose book it is: nobody posts into it, but on the bank's word."""

    reason = "PLATFORM_SUSPENDED"
    code = "PERMISSION_DENIED"


class MigrationWindowClosed(DomainError):
    """An importer posts while a migration window of the book is open, at no other time."""

    reason = "MIGRATION_WINDOW_CLOSED"
    code = "FAILED_PRECONDITION"


class MigrationWindowOpen(DomainError):
    """Another migration window of the book is open."""

    reason = "MIGRATION_WINDOW_OPEN"
    code = "FAILED_PRECONDITION"


class MigrationWindowUnknown(DomainError):
    """This is not the migration window that is open in the book."""

    reason = "MIGRATION_WINDOW_UNKNOWN"
    code = "NOT_FOUND"


class OrderUnknown(DomainError):
    """No order of this reference holds any of the accounts."""

    reason = "ORDER_UNKNOWN"
    code = "NOT_FOUND"


class EvidenceMissing(DomainError):
    """A transfer that rests on the bank's word names no evidence."""

    reason = "EVIDENCE_MISSING"
    code = "INVALID_ARGUMENT"


class InvariantBroken(DomainError):
    """The books would not balance or clients' money would not be covered: a defect; nothing was committed."""

    reason = "INVARIANT_BROKEN"
    code = "INTERNAL"


class AccountsExceeded(QuotaExceeded):
    """The tenant has opened as many accounts as it may for now; none of the request was opened."""

    reason = "ACCOUNTS_QUOTA_EXCEEDED"
