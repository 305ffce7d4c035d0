"""What was handed to the bank, and what its answers decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ringfence_kernel.values.money import currency
from ringfence_payment_instruction.standing.domain.stopping import stopped
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import EvidenceConflict
from ringfence_payment_instruction.submissions.domain.named import (
    PaymentNames,
    keys_of_names,
    payments_named,
    reference_of,
)
from ringfence_payment_instruction.submissions.domain.past import InstructionRef
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import (
    Step,
    awaits_bank,
    directed,
    moved,
    sent_after_all,
)


class Fate(IntEnum):
    """What a bank's final answer says became of a payment; the numbers are published in events."""

    SETTLED = 1
    FAILED = 2
    RETURNED = 3


@dataclass(frozen=True, slots=True)
class BankReply:
    """A bank's final answer to a payment sent, named by any of its ids, or to every payment of a message.

    `reason` is an external reason code, empty for none; `remark` what the bank says in its own words. Of a return,
    `amount_minor` has come back and `charges_minor` were kept, both in `currency`.
    """

    fate: Fate
    message_id: str = ""
    transaction_id: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    uetr: str = ""
    reason: str = ""
    remark: str = field(default="", repr=False)
    of_message: bool = False
    amount_minor: int = 0
    charges_minor: int = 0
    currency: str = ""


def dispatched(submission: Submission, message_id: str, indexes: Sequence[int]) -> list[Any]:
    """Decides that the rail has taken a message."""
    steps = [
        Step(index, Status.SENT)
        for index in indexes
        if submission.stages[index] == Stage.DISPATCH and submission.references.get(index) == message_id
    ]
    return moved(submission, "rail", steps, reference=message_id)


def withdrawn(submission: Submission, message_id: str, indexes: Sequence[int], why: Mapping[int, str]) -> list[Any]:
    """Takes a message back that the bank does not have: what may not be sent is held, the others are sent anew."""
    named = [
        index
        for index in indexes
        if submission.stages[index] == Stage.DISPATCH and submission.references.get(index) == message_id
    ]
    events = stopped(submission, {index: why[index] for index in named if index in why})
    return events + directed(submission, Directive.NONE, [index for index in named if index not in why])


def lost(submission: Submission, message_id: str, indexes: Sequence[int]) -> list[Any]:
    """Decides on a message that cannot be written again, and may have been handed over: only the bank can tell."""
    gone = [
        index
        for index in indexes
        if submission.stages[index] == Stage.DISPATCH and submission.references.get(index) == message_id
    ]
    sent = [Step(index, Status.SENT) for index in gone]
    unknown = [Step(index, Status.UNKNOWN, reasons.SUBJECT_ERASED) for index in gone]
    return moved(submission, "rail", sent, reference=message_id) + moved(submission, "rail", unknown)


def answered(
    submission: Submission, settled: Sequence[int], failed: Mapping[int, str], evidence: bytes, message_id: str
) -> list[Any]:
    """Decides on a bank's final answer: rows to settle, and rows to fail with the bank's reason code.

    The bank may answer before we have noted that the message was sent; the answer proves that it was.
    """
    final = [*settled, *failed]
    events = moved(submission, "bank", sent_after_all(submission, final), evidence=evidence, reference=message_id)
    open_rows = [index for index in final if awaits_bank(submission, index)]
    accepted = [index for index in open_rows if index not in failed]
    events += directed(submission, Directive.SETTLE, accepted, evidence=evidence)
    rejected = [index for index in open_rows if index in failed]
    codes = {row: failed[index] for row, index in enumerate(rejected) if failed[index]}
    return events + directed(
        submission, Directive.FAIL, rejected, reason=reasons.BANK_REFUSED, details=codes, evidence=evidence
    )


def contradicted(submission: Submission, settled: Iterable[int], failed: Iterable[int]) -> list[int]:
    """Returns the payments that stand otherwise than a bank's answer says: nothing changes, somebody must look.

    What has come back was settled before.
    """
    paid = [index for index in failed if _is_paid(submission, index)]
    return paid + [
        index
        for index in settled
        if submission.statuses[index] == Status.FAILED or submission.directives[index] == Directive.FAIL
    ]


def _is_paid(submission: Submission, index: int) -> bool:
    return (
        submission.statuses[index] in (Status.SETTLED, Status.RECONCILED)
        or submission.directives[index] == Directive.SETTLE
    )


class Misfit(IntEnum):
    """Why a bank's answer changes nothing until people have looked; the numbers are published in events."""

    UNKNOWN = 1
    AMBIGUOUS = 2
    CONTRADICTS = 3
    OTHER_AMOUNT = 4


@dataclass(frozen=True, slots=True)
class Misfitting:
    """An answer that people must look at: its place in the file, why, and the payments that it may be about."""

    position: int
    reply: BankReply
    why: Misfit
    refs: tuple[InstructionRef, ...] = ()


@dataclass(slots=True)
class Answer:
    """What a file says of payments of one message: index -> the reply that is about it."""

    replies: dict[int, BankReply] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)

    def returned(self) -> dict[int, BankReply]:
        """Returns the rows whose money has come back."""
        return {index: reply for index, reply in self.replies.items() if reply.fate is Fate.RETURNED}

    def settled(self) -> list[int]:
        """Returns the rows to settle."""
        return [index for index, reply in self.replies.items() if reply.fate is Fate.SETTLED]

    def failed(self) -> dict[int, str]:
        """Returns the rows to fail, with the bank's code."""
        return {index: reply.reason for index, reply in self.replies.items() if reply.fate is Fate.FAILED}


Answers = dict[tuple[bytes, str], Answer]


def group(state: State, replies: Sequence[BankReply]) -> tuple[Answers, list[Misfitting]]:
    """Returns what is answered per submission and message, and the replies that fit no payment, or several.

    What is said of a payment goes before what is said of its message. Raises EvidenceConflict for a file that answers
    one payment both ways: neither is believed.
    """
    found: Answers = {}
    misfits: list[Misfitting] = []
    numbered = sorted(enumerate(replies), key=lambda each: each[1].of_message)
    for position, reply in numbered:
        refs = payments_named(state, names_of(reply))
        if not refs or (len(refs) > 1 and not reply.of_message):
            misfits.append(Misfitting(position, reply, Misfit.AMBIGUOUS if refs else Misfit.UNKNOWN, tuple(refs)))
            continue
        for ref in refs:
            answer = found.setdefault((ref.stream, reference_of(state, ref)), Answer())
            before = answer.replies.get(ref.index)
            if before is None:
                answer.replies[ref.index], answer.positions[ref.index] = reply, position
            elif before.fate is reply.fate is Fate.RETURNED:
                misfits.append(Misfitting(position, reply, Misfit.OTHER_AMOUNT, (ref,)))
            elif before.fate is not reply.fate and reply.of_message == before.of_message:
                raise EvidenceConflict("a payment is answered both ways")
    return found, misfits


def keys_of_replies(replies: Sequence[BankReply]) -> list[bytes]:
    """Returns the keys under which the payments of replies are looked up."""
    return keys_of_names(map(names_of, replies))


def names_of(reply: BankReply) -> PaymentNames:
    """Returns the ids by which a reply names what it is about."""
    return PaymentNames(reply.message_id, reply.transaction_id, reply.end_to_end_id, reply.instruction_id, reply.uetr)


def is_whole(submission: Submission, index: int, reply: BankReply) -> bool:
    """Tells whether all of a payment has come back, but for the charges that the bank names."""
    return (
        reply.amount_minor > 0
        and reply.amount_minor + reply.charges_minor == submission.amounts_minor[index]
        and reply.currency == currency(submission.ledgers[index]).alpha
    )
