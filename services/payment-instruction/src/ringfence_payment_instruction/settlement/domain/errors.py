"""Why custody is not asked, or not believed (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class CustodyUnavailable(DomainError):
    """Custody cannot answer now; instructions wait and go on by themselves."""

    reason = "CUSTODY_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 0.5


class BookAccountMissing(DomainError):
    """The book has no bank mirror or suspense account in that currency; instructions and deposits wait for one."""

    reason = "BOOK_ACCOUNT_MISSING"
    code = "FAILED_PRECONDITION"


class LedgerContradiction(DomainError):
    """Custody's answer contradicts what the bank said; somebody must look, nothing is invented."""

    reason = "LEDGER_CONTRADICTION"
    code = "FAILED_PRECONDITION"


class OwnerStandingUnsettled(DomainError):
    """Custody would refuse for an owner's standing, and cannot hear what identity says now; it is asked again."""

    reason = "OWNER_STANDING_UNSETTLED"
    code = "UNAVAILABLE"


class ResultUnknown(DomainError):
    """Custody has answered a result code that is not listed: money may have moved, so nothing is concluded from it."""

    reason = "RESULT_UNKNOWN"
    code = "FAILED_PRECONDITION"
