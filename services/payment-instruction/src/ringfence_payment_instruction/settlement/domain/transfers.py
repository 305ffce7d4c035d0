"""Transfers as custody is asked for them, and what its refusals mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.submissions.domain import reasons


class TransferKind(IntEnum):
    """How a transfer moves money: at once, set aside, finishing what was set aside, or releasing it."""

    PLAIN = 0
    PENDING = 1
    POST = 2
    VOID = 3


class Purpose(IntEnum):
    """Why money moves."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    PAYMENT = 3


@dataclass(frozen=True, slots=True)
class PlannedTransfer:
    """A transfer to ask custody for; `subject` is the instruction or bank entry behind it."""

    id: bytes
    kind: TransferKind
    purpose: Purpose
    debit_account: bytes
    credit_account: bytes
    amount_minor: int
    ledger: int
    subject: bytes
    value_day: int
    pending_id: bytes = ZERO_ID


def is_contradiction(result: str) -> bool:
    """Tells whether the transfer stands in custody with another body: its money has moved, or is set aside."""
    return result.startswith("exists_with_different")


def refusal(result: str) -> str:
    """Returns the reason that stands for custody's refusal of a transfer."""
    return _REFUSALS.get(result, reasons.TRANSFER_REFUSED)


_REFUSALS = {
    "exceeds_credits": reasons.INSUFFICIENT_FUNDS,
    "exceeds_debits": reasons.INSUFFICIENT_FUNDS,
    "debit_account_not_found": reasons.DEBTOR_ACCOUNT_UNKNOWN,
    "credit_account_not_found": reasons.CREDITOR_ACCOUNT_FORBIDDEN,
    "overdraft_not_covered": reasons.INSUFFICIENT_FUNDS,
    "guarantee_below_overdrafts": reasons.INSUFFICIENT_FUNDS,
    "debit_account_frozen": reasons.DEBTOR_ACCOUNT_BLOCKED,
    "debit_account_not_active": reasons.DEBTOR_ACCOUNT_BLOCKED,
    "credit_account_frozen": reasons.CREDITOR_ACCOUNT_BLOCKED,
    "credit_account_not_active": reasons.CREDITOR_ACCOUNT_BLOCKED,
    "purpose_unknown": reasons.TRANSFER_FORBIDDEN,
    "account_class_mismatch": reasons.TRANSFER_FORBIDDEN,
    "mandate_missing": reasons.TRANSFER_FORBIDDEN,
    "exceeds_purpose_maximum": reasons.TRANSFER_FORBIDDEN,
    "debit_account_already_closed": reasons.ACCOUNT_CLOSED,
    "credit_account_already_closed": reasons.ACCOUNT_CLOSED,
    "transfer_must_have_the_same_ledger_as_accounts": reasons.CURRENCY_NOT_HELD,
    "accounts_must_have_the_same_ledger": reasons.CURRENCY_NOT_HELD,
}
