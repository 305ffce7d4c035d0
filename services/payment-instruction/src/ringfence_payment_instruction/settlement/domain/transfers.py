"""Which transfer each stage asks custody for, and what custody's result means for the instruction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import ZERO_ID, external_id, show

from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import LedgerContradiction
from ringfence_payment_instruction.submissions.domain.status import RELEASED, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot, transfer_id_of

# Stages that are work for custody.
CUSTODY_STAGES = (Stage.TRANSFER, Stage.RELEASE, Stage.CONFIRM, Stage.RETURN)


# Detail of a payment that is to be settled because the bank's own account shows it.
ON_ACCOUNT = "BOOKED_BY_BANK"


class TransferKind(IntEnum):
    """How a transfer moves money: at once, set aside, finishing what was set aside, or releasing it."""

    PLAIN = 0
    PENDING = 1
    POST = 2
    VOID = 3


class Use(IntEnum):
    """Why money moves."""

    DEPOSIT = 1
    WITHDRAWAL = 2
    PAYMENT = 3


@dataclass(frozen=True, slots=True)
class PlannedTransfer:
    """A transfer to ask custody for; `subject` is the instruction or bank entry behind it."""

    id: bytes
    kind: TransferKind
    use: Use
    debit_account: bytes
    credit_account: bytes
    amount_minor: int
    ledger: int
    subject: bytes
    value_day: int
    pending_id: bytes = ZERO_ID


class MirrorMissing(LookupError):
    """The book has no bank mirror in that currency."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a result means: the states to go through, and the reason of a refusal. No states: somebody must look."""

    statuses: tuple[Status, ...]
    reason: str = ""


def plan(submission: Submission, index: int, mirrors: Mapping[int, bytes]) -> PlannedTransfer:
    """Returns the transfer of an instruction at a custody stage; `mirrors` maps ledgers to bank mirror accounts.

    Raises MirrorMissing where the money must leave and the book has no bank account in that currency.
    """
    instruction_id = submission.instruction_id(index)
    transfer_id = transfer_id_of(submission.tenant, instruction_id)
    amount, ledger = submission.amounts_minor[index], submission.ledgers[index]
    # The day of the last step, not of the call: a retry after midnight must be the same transfer.
    day = submission.changed_ns[index] // DAY_NS
    if submission.stages[index] == Stage.TRANSFER:
        inside = submission.stays_in_book(index)
        credit = slot(submission.creditor_accounts, index) if inside else _mirror(mirrors, ledger)
        kind = TransferKind.PLAIN if inside else TransferKind.PENDING
        use = Use.PAYMENT if inside else Use.WITHDRAWAL
        debit = slot(submission.debtor_accounts, index)
        return PlannedTransfer(transfer_id, kind, use, debit, credit, amount, ledger, instruction_id, day)
    kind, domain = (
        (TransferKind.POST, "transfer.post")
        if submission.stages[index] == Stage.CONFIRM
        else (TransferKind.VOID, "transfer.void")
    )
    second = external_id(domain, submission.tenant, show(instruction_id))
    return PlannedTransfer(
        second, kind, Use.WITHDRAWAL, ZERO_ID, ZERO_ID, amount, ledger, instruction_id, day, transfer_id
    )


def _mirror(mirrors: Mapping[int, bytes], ledger: int) -> bytes:
    if ledger not in mirrors:
        raise MirrorMissing(f"no bank mirror in ledger {ledger}")
    return mirrors[ledger]


def judge(submission: Submission, index: int, result: str) -> Verdict:
    """Returns what custody's result means for an instruction at its stage."""
    stage = submission.stages[index]
    done = result in ("created", "exists")
    if stage == Stage.TRANSFER:
        if is_contradiction(result):
            return Verdict((), LedgerContradiction.reason)
        if not done:
            return Verdict((Status.REJECTED,), refusal(result))
        if submission.stays_in_book(index):
            return Verdict((Status.RESERVED, Status.SETTLED))
        return Verdict((Status.RESERVED,))
    if stage == Stage.CONFIRM:
        if not done and result != "pending_transfer_already_posted":
            return Verdict((), LedgerContradiction.reason)
        seen = submission.details.get(index) == ON_ACCOUNT
        return Verdict((Status.SETTLED, Status.RECONCILED) if seen else (Status.SETTLED,))
    released = done or result in ("pending_transfer_already_voided", "pending_transfer_expired")
    if not released:
        return Verdict((), LedgerContradiction.reason)
    if stage == Stage.RETURN:
        return Verdict((Status.FAILED,), reasons.BANK_REFUSED)
    return Verdict((RELEASED[Directive(submission.directives[index])],), submission.reasons[index])


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
