"""Payments of ours whose money has come back, in whatever way the bank tells of it: each comes back once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.ids import external_id, show

from ringfence_payment_instruction.submissions.domain.orders import OrderPurpose
from ringfence_payment_instruction.submissions.domain.reasons import BANK_RETURNED
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot
from ringfence_payment_instruction.submissions.domain.transitions import (
    Step,
    awaits_bank,
    directed,
    moved,
    sent_after_all,
)


@dataclass(frozen=True, slots=True)
class ReturnedPayment:
    """A payment whose money comes back: to which account, and whose it is; `amount_minor` is what comes.

    Where it had left suspense, it is nobody's: `account` is None. `mirror` is by which it left, empty of one that left
    long ago: then there was one of its currency.
    """

    tenant: bytes
    instruction_id: bytes
    account: bytes | None
    owner: bytes
    amount_minor: int
    ledger: int
    mirror: bytes = b""


def return_entry_id(tenant: bytes, instruction_id: bytes) -> bytes:
    """Returns the id of the entry by which the money of a payment comes back, the same however the bank tells it."""
    return external_id("bank-return", tenant, show(instruction_id))


def has_come_back(submission: Submission, index: int) -> bool:
    """Tells whether the money of a payment has come back, or is on its way."""
    if submission.statuses[index] == Status.RETURNED:
        return True
    return submission.stages[index] == Stage.CONFIRM and submission.reasons[index] == BANK_RETURNED


def may_come_back(submission: Submission, index: int) -> bool:
    """Tells whether a payment has left, as far as is known here, so that its money may come back."""
    if submission.statuses[index] in (Status.SETTLED, Status.RECONCILED):
        return not submission.stays_in_book(index)
    return awaits_bank(submission, index) or submission.stages[index] == Stage.CONFIRM


def returned_payment(submission: Submission, index: int, amount_minor: int) -> ReturnedPayment:
    """Returns to whom the money of a payment comes back."""
    of_suspense = submission.purpose(index) == OrderPurpose.SUSPENSE_RETURN
    return ReturnedPayment(
        tenant=submission.tenant,
        instruction_id=submission.instruction_id(index),
        account=None if of_suspense else slot(submission.debtor_accounts, index),
        owner=submission.tenant if of_suspense else submission.owners(index)[0],
        amount_minor=amount_minor,
        ledger=submission.ledgers[index],
        mirror=submission.mirrors.get(index, b""),
    )


def came_back(submission: Submission, codes: Mapping[int, str], evidence: bytes, message_id: str) -> list[Any]:
    """Decides that the money of payments has come back: index -> the bank's reason code, empty without one.

    What comes back has left: a payment that the bank has not answered is settled by the same word first, and is
    returned as soon as custody has posted that. What has come back before stays as it is.
    """
    rows = [index for index in codes if may_come_back(submission, index) and not has_come_back(submission, index)]
    events = moved(submission, "bank", sent_after_all(submission, rows), evidence=evidence, reference=message_id)
    settled = [index for index in rows if submission.statuses[index] in (Status.SETTLED, Status.RECONCILED)]
    steps = [Step(index, Status.RETURNED, BANK_RETURNED, codes[index]) for index in settled]
    events += moved(submission, "bank", steps, evidence=evidence)
    open_rows = [index for index in rows if index not in settled]
    details = {row: codes[index] for row, index in enumerate(open_rows)}
    return events + directed(
        submission, Directive.SETTLE, open_rows, reason=BANK_RETURNED, details=details, evidence=evidence
    )
