"""Transfers as custody is asked for them, and what its refusals mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.submissions.domain import reasons


class TransferKind(IntEnum):
    """How a transfer moves money: at once, set aside, finishing what was set aside, releasing it, or what is free."""

    PLAIN = 0
    PENDING = 1
    POST = 2
    VOID = 3
    BALANCING = 4


class Purpose(IntEnum):
    """Why money moves; the numbers are the codes of transfers (docs/ledger.md)."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    PAYMENT = 3
    FEE = 4
    PLATFORM_PAYOUT = 7
    SUSPENSE_ALLOCATION = 9
    SUSPENSE_RETURN = 10
    GUARANTEE_FUNDING = 11
    SHORTFALL_FUNDING = 17
    BANK_ALLOCATION = 18
    BANK_REVERSAL = 19
    BANK_RETRACTION = 20
    BANK_CHARGE = 21
    BANK_RESTORATION = 22


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a transfer rests on that needs nobody's leave.

    SHA-256 of the bank's file, the entry or answer in it, and the principal that vouched for it; zeros for what is not
    there: the bank never had a payment that is released before, and the rail vouches for nobody.
    """

    sha256: bytes = bytes(32)
    entry: bytes = ZERO_ID
    source: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class PlannedTransfer:
    """A transfer to ask custody for; `subject` is the instruction, bank entry or agreement behind it.

    It rests on its evidence, or on the platform's authorisation where it has none.
    """

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
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What people have posted to put right what custody and the bank disagreed about."""

    debit_account: bytes
    credit_account: bytes
    amount_minor: int
    ledger: int


class Booked(NamedTuple):
    """What became of a transfer: custody's result name, lower case, and the minor units that it has moved."""

    result: str
    amount_minor: int


class Taking(NamedTuple):
    """What a bank took by an entry, and what clients or suspense gave for it, minor units."""

    taken_minor: int
    given_minor: int


CORRECTED = "corrected"
"""Stands for custody's result where a correction has done what the transfer should."""
NEVER_CREATED = "never_created"
"""Stands for custody's result where a transfer was not created, and its id is barred for good."""
MOVED = "moved"
"""Stands for custody's result where what was to be released has moved its money for good."""
UNSETTLED = "owner_standing_unsettled"
"""Result of what custody has not decided: the same transfer may be asked for again."""
BARRED = frozenset({"pending_transfer_not_found", "id_already_failed"})
"""Results of barring an id: nothing stands under it, and never will."""
DONE = frozenset({"created", "exists"})
CONTRADICTION = "exists_with_different_"
_REFUSALS = {
    "exceeds_credits": reasons.INSUFFICIENT_FUNDS,
    "exceeds_debits": reasons.INSUFFICIENT_FUNDS,
    "overdraft_not_covered": reasons.INSUFFICIENT_FUNDS,
    "guarantee_below_overdrafts": reasons.INSUFFICIENT_FUNDS,
    "debit_account_not_found": reasons.DEBTOR_ACCOUNT_UNKNOWN,
    "credit_account_not_found": reasons.CREDITOR_ACCOUNT_FORBIDDEN,
    "debit_account_frozen": reasons.DEBTOR_ACCOUNT_BLOCKED,
    "debit_account_not_active": reasons.DEBTOR_ACCOUNT_BLOCKED,
    "credit_account_frozen": reasons.CREDITOR_ACCOUNT_BLOCKED,
    "credit_account_not_active": reasons.CREDITOR_ACCOUNT_BLOCKED,
    "purpose_unknown": reasons.TRANSFER_FORBIDDEN,
    "account_class_mismatch": reasons.TRANSFER_FORBIDDEN,
    "mandate_missing": reasons.TRANSFER_FORBIDDEN,
    "mandate_unknown": reasons.TRANSFER_FORBIDDEN,
    "exceeds_purpose_maximum": reasons.TRANSFER_FORBIDDEN,
    "shortfall_unfunded": reasons.SHORTFALL_UNFUNDED,
    "debit_account_already_closed": reasons.ACCOUNT_CLOSED,
    "credit_account_already_closed": reasons.ACCOUNT_CLOSED,
    "transfer_must_have_the_same_ledger_as_accounts": reasons.CURRENCY_NOT_HELD,
    "accounts_must_have_the_same_ledger": reasons.CURRENCY_NOT_HELD,
}
# Nothing moved either; who reads the log finds the result's name with the instruction.
_OTHER_REFUSALS = frozenset(
    """
    linked_event_failed linked_event_chain_open reserved_flag id_must_not_be_zero id_must_not_be_int_max
    id_already_failed flags_are_mutually_exclusive debit_account_id_must_not_be_zero
    debit_account_id_must_not_be_int_max credit_account_id_must_not_be_zero credit_account_id_must_not_be_int_max
    accounts_must_be_different pending_id_must_be_zero pending_id_must_not_be_zero pending_id_must_not_be_int_max
    pending_id_must_be_different timeout_reserved_for_pending_transfer closing_transfer_must_be_pending
    ledger_must_not_be_zero code_must_not_be_zero pending_transfer_not_found pending_transfer_not_pending
    pending_transfer_has_different_owner
    pending_transfer_has_different_debit_account_id pending_transfer_has_different_credit_account_id
    pending_transfer_has_different_ledger pending_transfer_has_different_code exceeds_pending_transfer_amount
    pending_transfer_has_different_amount pending_transfer_already_posted pending_transfer_already_voided
    pending_transfer_expired overflows_debits_pending overflows_credits_pending overflows_debits_posted
    overflows_credits_posted overflows_debits overflows_credits overflows_timeout
    """.split()
)


def is_known(result: str) -> bool:
    """Tells whether it is known what a result means; from any other nothing may be concluded."""
    return (
        result in DONE or result in (NEVER_CREATED, MOVED, UNSETTLED) or is_contradiction(result) or is_refusal(result)
    )


def is_contradiction(result: str) -> bool:
    """Tells whether the transfer stands in custody with another body: its money has moved, or is set aside."""
    return result.startswith(CONTRADICTION)


def is_refusal(result: str) -> bool:
    """Tells whether custody has refused a transfer, so that nothing moved."""
    return result in _REFUSALS or result in _OTHER_REFUSALS


def refusal(result: str) -> str:
    """Returns the reason that stands for custody's refusal of a transfer."""
    return _REFUSALS.get(result, reasons.TRANSFER_REFUSED)
