"""Refusals of a bank's notification (docs/errors.md)."""

from __future__ import annotations

from ringfence_payment_instruction.submissions.domain.errors import EvidenceRefused


class BankAccountUnknown(EvidenceRefused):
    """The notification is about an account that is nobody's safeguarding account, or not the caller's bank's."""

    reason = "BANK_ACCOUNT_UNKNOWN"
    code = "FAILED_PRECONDITION"
