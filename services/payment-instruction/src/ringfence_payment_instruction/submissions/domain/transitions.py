"""Decisions on instructions under way. Each takes what is known now and skips rows that have moved on meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.columns import pack

from ringfence_payment_instruction.approvals.domain import ApprovalLimits, objection
from ringfence_payment_instruction.settlement.domain.transfers import CUSTODY_STAGES, ON_ACCOUNT, judge
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.events import (
    InstructionsAdvanced,
    InstructionsDirected,
    SubmissionWaiting,
)
from ringfence_payment_instruction.submissions.domain.status import RELEASED, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission


class Step(NamedTuple):
    """One transition of one instruction."""

    at: int
    status: Status
    reason: str = ""
    detail: str = ""


class Named(Protocol):
    """Whatever names a tenant's submission."""

    @property
    def tenant(self) -> bytes:
        """Tenant, 16 bytes."""

    @property
    def submission_id(self) -> bytes:
        """The platform's id of the submission, 16 bytes."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long instructions wait, in nanoseconds."""

    for_approval_ns: int
    for_bank_ns: int


def advanced(
    named: Named, ids: Sequence[bytes], cause: str, steps: Sequence[Step], **context: Any
) -> InstructionsAdvanced:
    """Returns the packed event of transitions; `ids` holds the instruction id of every index of the submission."""
    texts = list(dict.fromkeys(["", *(step.reason for step in steps)]))
    number = {text: row for row, text in enumerate(texts)}
    return InstructionsAdvanced(
        tenant=named.tenant,
        submission_id=named.submission_id,
        cause=cause,
        instruction_ids=b"".join([ids[step.at] for step in steps]),
        indexes=pack("I", [step.at for step in steps]),
        statuses=bytes([step.status for step in steps]),
        reasons=tuple(texts),
        reason_rows=bytes([number[step.reason] for step in steps]) if len(texts) > 1 else b"",
        details={row: step.detail for row, step in enumerate(steps) if step.detail},
        **context,
    )


def moved(submission: Submission, cause: str, steps: Sequence[Step], **context: Any) -> list[Any]:
    """Returns the event of transitions of a submission that is under way; nothing for no steps."""
    return [advanced(submission, submission.id_list, cause, steps, **context)] if steps else []


def directed(submission: Submission, directive: Directive, indexes: Sequence[int], **context: Any) -> list[Any]:
    """Returns the event that directs rows; nothing for no rows."""
    if not indexes:
        return []
    return [
        InstructionsDirected(
            tenant=submission.tenant,
            submission_id=submission.submission_id,
            directive=directive,
            instruction_ids=b"".join([submission.instruction_id(index) for index in indexes]),
            indexes=pack("I", indexes),
            **context,
        )
    ]


def screened(
    submission: Submission, outcomes: Mapping[int, Step | None], limits: ApprovalLimits, evidence: bytes
) -> list[Any]:
    """Decides on screening: `outcomes` has a refusing step for a row, or None for a clean one."""
    steps: list[Step] = []
    for index, refusal in outcomes.items():
        if submission.stages[index] != Stage.SCREEN:
            continue
        if refusal is not None:
            steps.append(refusal)
            continue
        steps.append(Step(index, Status.SCREENED))
        if limits.needs_second_person(submission.ledgers[index], submission.amounts_minor[index]):
            steps.append(Step(index, Status.HELD, reasons.SECOND_APPROVER_REQUIRED))
    return moved(submission, "screening", steps, evidence=evidence)


def transferred(submission: Submission, results: Mapping[int, tuple[int, str]]) -> tuple[list[Any], int]:
    """Decides on custody's results: index -> (stage asked for, result name).

    Returns the events, and how many rows custody answered with a contradiction: those stay where they are.
    """
    steps: list[Step] = []
    contradictions = 0
    for index, (stage, result) in results.items():
        if submission.stages[index] != stage or stage not in CUSTODY_STAGES:
            continue
        verdict = judge(submission, index, result)
        contradictions += not verdict.statuses
        detail = result if stage == Stage.TRANSFER and verdict.reason else submission.details.get(index, "")
        steps += [Step(index, status, verdict.reason, detail) for status in verdict.statuses]
    return moved(submission, "custody", steps), contradictions


def dispatched(submission: Submission, message_id: str, indexes: Sequence[int]) -> list[Any]:
    """Decides that the rail has taken a message."""
    steps = [
        Step(index, Status.SENT)
        for index in indexes
        if submission.stages[index] == Stage.DISPATCH and submission.references.get(index) == message_id
    ]
    return moved(submission, "rail", steps, reference=message_id)


def answered(
    submission: Submission, settled: Sequence[int], failed: Mapping[int, str], evidence: bytes, message_id: str
) -> list[Any]:
    """Decides on a bank's final answer: rows to settle, and rows to fail with the bank's reason code.

    The bank may answer before we have noted that the message was sent; the answer proves that it was.
    """
    final = [*settled, *failed]
    early = [Step(index, Status.SENT) for index in final if submission.stages[index] == Stage.DISPATCH]
    events = moved(submission, "bank", early, evidence=evidence, reference=message_id)
    open_rows = [index for index in final if _awaits_bank(submission, index)]
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


def booked(submission: Submission, indexes: Sequence[int], evidence: bytes) -> list[Any]:
    """Decides that payments were seen on the bank's own account: settled ones are reconciled, others will be."""
    steps = [Step(index, Status.RECONCILED) for index in indexes if submission.statuses[index] == Status.SETTLED]
    steps += [Step(index, Status.SENT) for index in indexes if submission.stages[index] == Stage.DISPATCH]
    events = moved(submission, "bank", steps, evidence=evidence)
    due = [index for index in indexes if _awaits_bank(submission, index) or submission.stages[index] == Stage.CONFIRM]
    marks = dict.fromkeys(range(len(due)), ON_ACCOUNT)
    return events + directed(submission, Directive.SETTLE, due, details=marks, evidence=evidence)


def decided(
    submission: Submission, indexes: Sequence[int], decision: Directive, decider: bytes, note: str
) -> list[Any]:
    """Takes a person's decision on rows that allow it: approve, reject or cancel."""
    allowed = [index for index in indexes if not objection(submission, index, decision, decider)]
    if decision is Directive.APPROVE:
        return directed(submission, decision, allowed, actor=decider, note=note)
    reason = reasons.CANCELLED_BY_CUSTOMER if decision is Directive.CANCEL else reasons.APPROVAL_REFUSED
    reserved = [index for index in allowed if submission.statuses[index] == Status.RESERVED]
    status = RELEASED[decision]
    steps = [Step(index, status, reason) for index in allowed if submission.statuses[index] != Status.RESERVED]
    events = moved(submission, "decision", steps, actor=decider, note=note)
    return events + directed(submission, decision, reserved, actor=decider, note=note, reason=reason)


def overdue(submission: Submission, now_ns: int, patience: Patience) -> list[Any]:
    """Decides what the passing of time has brought: approvals expired, execution dates reached, bank silent."""
    expired, silent, due = [], [], []
    for index, due_ns in deadlines(submission, patience):
        if due_ns > now_ns:
            continue
        status = submission.statuses[index]
        if status == Status.HELD:
            expired.append(Step(index, Status.EXPIRED, reasons.APPROVAL_EXPIRED))
        elif status == Status.SENT:
            silent.append(Step(index, Status.UNKNOWN, reasons.BANK_REPLY_MISSING))
        elif submission.received.authorisation_expires_ns <= now_ns:
            expired.append(Step(index, Status.EXPIRED, reasons.AUTHORISATION_EXPIRED))
        else:
            due.append(index)
    events = moved(submission, "expiry", [*expired, *silent])
    return events + directed(submission, Directive.NONE, due)


def deadlines(submission: Submission, patience: Patience) -> list[tuple[int, int]]:
    """Returns the rows that wait for time, each with the UTC nanoseconds when it is up."""
    # Without an authorisation custody moves nothing: what has not come to it by then never will.
    last_ns = submission.received.authorisation_expires_ns
    found: list[tuple[int, int]] = []
    for index in submission.with_status(Status.HELD):
        if submission.directives[index] == Directive.NONE:
            found.append((index, min(submission.changed_ns[index] + patience.for_approval_ns, last_ns)))
    for index in submission.with_status(Status.SENT):
        if submission.directives[index] == Directive.NONE:
            found.append((index, submission.changed_ns[index] + patience.for_bank_ns))
    for index in submission.with_status(Status.AUTHENTICATED):
        is_scheduled = submission.directives[index] == Directive.SCHEDULE
        found.append((index, min(submission.execution_days[index] * DAY_NS, last_ns) if is_scheduled else last_ns))
    return found


def waits(submission: Submission, reason: str) -> list[Any]:
    """Notes why the submission does not go on, once per reason."""
    if submission.waiting == reason:
        return []
    return [SubmissionWaiting(submission.tenant, submission.submission_id, reason)]


def _awaits_bank(submission: Submission, index: int) -> bool:
    if submission.directives[index] not in (Directive.NONE, Directive.SEND):
        return False
    return submission.statuses[index] in (Status.SENT, Status.UNKNOWN) or submission.stages[index] == Stage.DISPATCH
