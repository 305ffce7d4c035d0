"""What is to be posted of a bank's movement, and which payment of ours a debit is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency

from ringfence_payment_instruction.deposits.domain.evidence import BankEntry, Disposition
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.past import InstructionRef
from ringfence_payment_instruction.submissions.domain.reasons import ON_ACCOUNT
from ringfence_payment_instruction.submissions.domain.returning import (
    has_come_back,
    may_come_back,
    returned_payment,
)
from ringfence_payment_instruction.submissions.domain.state import State as Submissions
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, transfer_id_of
from ringfence_payment_instruction.submissions.domain.uetrs import instruction_identification_of, uetr_of

CONFIRMABLE = frozenset({Status.RESERVED, Status.SENT, Status.UNKNOWN, Status.SETTLED, Status.RETURNED})
"""What has come back went out before: its debit may come last."""


@dataclass(frozen=True, slots=True)
class MatchedEntry:
    """One row for custody: (part of) an entry, with what it was found to be."""

    id: bytes
    digest: bytes
    entry: BankEntry
    mirror: Alias
    disposition: Disposition
    client: Alias | None = None
    instruction: InstructionRef | None = None
    instruction_id: bytes = ZERO_ID
    reason: str = ""
    origin: bytes = ZERO_ID
    """The row that has brought what this one allots or takes back, zero where none is known."""

    @property
    def owner(self) -> bytes:
        """Subject whose key seals its personal data: the client found, else the tenant (it is about a stranger)."""
        return self.client.owner_id if self.client is not None else self.mirror.tenant


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of ours that a debit names: `is_due` where the account has yet to show it.

    `mirror` is the account that it leaves by; empty of one that was reserved long ago, of which nobody knows.
    `account` is the payer's, zero where it left suspense, and `owner` whose that is; its money may come back, or has.
    """

    ref: InstructionRef
    instruction_id: bytes
    transfer_id: bytes
    tenant: bytes
    amount_minor: int
    currency: str
    is_due: bool
    mirror: bytes = b""
    account: bytes = ZERO_ID
    owner: bytes = ZERO_ID
    may_come_back: bool = False
    has_come_back: bool = False
    names: tuple[str, ...] = ()
    """By what else a bank may name it: UETR, InstrId, EndToEndId; of those that the account has yet to show alone."""
    message_id: str = ""


def payment_at(submissions: Submissions, ref: InstructionRef) -> Payment:
    """Returns a payment as it stands; raises LookAgain as `State.known`."""
    return _payment(submissions.known(ref.stream), ref)


def unconfirmed(submissions: Submissions, tenant: bytes, mirror: bytes) -> list[Payment]:
    """Returns the payments under way that a mirror has yet to show; each may be a debit that does not name it."""
    found = []
    for submission in submissions.submissions.values():
        if submission.tenant != tenant:
            continue
        for index in submission.references:
            if _is_due(submission, index) and submission.mirrors.get(index, b"") in (b"", mirror):
                payment = _payment(submission, InstructionRef(submission.stream, index))
                texts = (
                    uetr_of(submission, index),
                    instruction_identification_of(submission, index),
                    submission.end_to_end_id(index),
                )
                names = tuple([each.strip().lower() for each in texts if each.strip()])
                found.append(replace(payment, names=names, message_id=submission.references[index]))
    return found


def _is_due(submission: Submission, index: int) -> bool:
    # A second debit for the same payment, or one for a failed payment, is the bank's to explain.
    return (
        submission.statuses[index] in CONFIRMABLE
        and submission.directives[index] != Directive.FAIL
        and submission.details.get(index) != ON_ACCOUNT
    )


def _payment(submission: Submission, ref: InstructionRef) -> Payment:
    back = returned_payment(submission, ref.index, submission.amounts_minor[ref.index])
    instruction_id = submission.instruction_id(ref.index)
    return Payment(
        ref,
        instruction_id,
        transfer_id_of(submission.tenant, instruction_id),
        submission.tenant,
        submission.amounts_minor[ref.index],
        currency(submission.ledgers[ref.index]).alpha,
        _is_due(submission, ref.index),
        submission.mirrors.get(ref.index, b""),
        back.account or ZERO_ID,
        back.owner,
        may_come_back(submission, ref.index),
        has_come_back(submission, ref.index),
    )
