"""What was handed to the bank, and what its answers decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_payment_instruction.standing.domain.stopping import stopped
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import EvidenceConflict
from ringfence_payment_instruction.submissions.domain.past import InstructionRef, bank_key, message_key
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


@dataclass(frozen=True, slots=True)
class BankReply:
    """A bank's answer to payments sent. Without a transaction id it holds for every payment of the message."""

    message_id: str
    transaction_id: str
    settled: bool
    reason: str


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


def contradicted(submission: Submission, settled: Sequence[int], failed: Iterable[int]) -> int:
    """Returns how many payments stand otherwise than a bank's answer says: nothing changes, somebody must look."""
    paid = [_is_paid(submission, index) for index in failed]
    returned = [
        submission.statuses[index] == Status.FAILED or submission.directives[index] == Directive.FAIL
        for index in settled
    ]
    return sum(paid) + sum(returned)


def _is_paid(submission: Submission, index: int) -> bool:
    return (
        submission.statuses[index] in (Status.SETTLED, Status.RECONCILED)
        or submission.directives[index] == Directive.SETTLE
    )


Answers = dict[tuple[bytes, str], tuple[dict[int, str], dict[int, str]]]


def group(state: State, replies: Sequence[BankReply]) -> tuple[Answers, int]:
    """Returns, per submission and message, rows to settle and rows to fail; and how many replies are about nothing.

    Raises EvidenceConflict for a file that answers one payment both ways: neither is believed.
    """
    found: Answers = {}
    unknown = 0
    for reply in replies:
        refs = _refs(state, reply)
        unknown += not refs
        for ref in refs:
            reference = state.known(ref.stream).references[ref.index]
            settled, failed = found.setdefault((ref.stream, reference), ({}, {}))
            (settled if reply.settled else failed)[ref.index] = reply.reason
            if ref.index in settled and ref.index in failed:
                raise EvidenceConflict("a payment is answered both ways")
    return found, unknown


def keys_of_replies(replies: Sequence[BankReply]) -> list[bytes]:
    """Returns the keys under which the payments of replies are looked up."""
    keys = {message_key(reply.message_id) for reply in replies if not reply.transaction_id}
    return list(keys | {bank_key(reply.transaction_id) for reply in replies if reply.transaction_id})


def _refs(state: State, reply: BankReply) -> Sequence[InstructionRef]:
    """Returns the payments that a reply is about; one that names both must name them together."""
    if not reply.transaction_id:
        message = state.message(reply.message_id)
        return () if message is None else message.refs
    ref = state.sent(reply.transaction_id)
    if ref is None:
        return ()
    reference = state.known(ref.stream).references[ref.index]
    return (ref,) if reply.message_id in ("", reference) else ()
