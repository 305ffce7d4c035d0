"""What is to be posted of a bank's movement, and which payment of ours a debit is."""

from __future__ import annotations

from dataclasses import dataclass

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
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

CONFIRMABLE = frozenset({Status.RESERVED, Status.SENT, Status.UNKNOWN, Status.SETTLED, Status.RETURNED})


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


def payment_at(submissions: Submissions, ref: InstructionRef) -> Payment:
    """Returns a payment as it stands; raises LookAgain as `State.known`."""
    submission = submissions.known(ref.stream)
    back = returned_payment(submission, ref.index, submission.amounts_minor[ref.index])
    # A second debit for the same payment, or one for a failed payment, is the bank's to explain.
    is_due = (
        submission.statuses[ref.index] in CONFIRMABLE
        and submission.directives[ref.index] != Directive.FAIL
        and submission.details.get(ref.index) != ON_ACCOUNT
    )
    instruction_id = submission.instruction_id(ref.index)
    return Payment(
        ref,
        instruction_id,
        transfer_id_of(submission.tenant, instruction_id),
        submission.tenant,
        submission.amounts_minor[ref.index],
        currency(submission.ledgers[ref.index]).alpha,
        is_due,
        submission.mirrors.get(ref.index, b""),
        back.account or ZERO_ID,
        back.owner,
        may_come_back(submission, ref.index),
        has_come_back(submission, ref.index),
    )
