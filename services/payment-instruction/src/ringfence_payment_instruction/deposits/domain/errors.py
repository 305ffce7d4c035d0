"""Refusals of a bank's notification, and about money in suspense (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound

from ringfence_payment_instruction.submissions.domain.errors import EvidenceRefused


class BankAccountUnknown(EvidenceRefused):
    """The notification is about an account that is nobody's safeguarding account, or not the caller's bank's."""

    reason = "BANK_ACCOUNT_UNKNOWN"
    code = "FAILED_PRECONDITION"


class EarlierEntriesWait(DomainError):
    """What an entry takes or allocates, an earlier one has yet to bring: it is posted behind that."""

    reason = "EARLIER_ENTRIES_WAIT"
    code = "FAILED_PRECONDITION"


class ReservationsEnd(DomainError):
    """A bank took a deposit back whose money is set aside for payments that it does not have: they end first."""

    reason = "RESERVATIONS_END"
    code = "FAILED_PRECONDITION"


class SuspendedEntryUnknown(NotFound):
    """None of the tenant's entries whose money was put into suspense has this id."""

    reason = "SUSPENDED_ENTRY_UNKNOWN"


class SuspenseNotBlocked(DomainError):
    """No list stands against this entry, so there is nothing to release: it is allocated or returned as it is."""

    reason = "SUSPENSE_NOT_BLOCKED"
    code = "FAILED_PRECONDITION"
