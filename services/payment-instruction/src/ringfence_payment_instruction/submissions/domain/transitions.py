"""What every decision on instructions under way is made of: steps, directives, and reasons to wait.

Deciders (`screened`, `transferred`, `answered` ...) stand in the modules that know why. Each takes what is known now,
skips rows that have moved on meanwhile, and returns events; `Submissions` alone records them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ringfence_kernel.values.columns import pack

from ringfence_payment_instruction.submissions.domain.events import (
    InstructionsAdvanced,
    InstructionsDirected,
    SubmissionWaiting,
)
from ringfence_payment_instruction.submissions.domain.status import LANES, Directive, Stage, Status
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


def waits(submission: Submission, lane: str, reason: str) -> list[Any]:
    """Notes why a lane's work does not go on while there is some: each reason once, until the submission goes on."""
    if (lane, reason) in submission.waiting or all(LANES.get(stage) != lane for stage in set(submission.stages)):
        return []
    return [SubmissionWaiting(submission.tenant, submission.submission_id, reason, lane)]


def unsent_but_named(submission: Submission, index: int) -> bool:
    """Tells whether a payment has once been named to the bank in a message of which we do not know that it went.

    It was directed, or taken back from a message; where the bank speaks of it all the same, it was sent.
    """
    taken_back = submission.stages[index] in (Stage.SEND, Stage.STOPPED) and index in submission.references
    return submission.stages[index] == Stage.DISPATCH or taken_back


def sent_after_all(submission: Submission, indexes: Sequence[int]) -> list[Step]:
    """Returns the steps of payments of which the bank's own word proves that they were sent."""
    steps: list[Step] = []
    for index in indexes:
        if unsent_but_named(submission, index):
            held = submission.statuses[index] == Status.HELD
            steps += [Step(index, Status.RESERVED)] if held else []
            steps.append(Step(index, Status.SENT))
    return steps


def awaits_bank(submission: Submission, index: int) -> bool:
    """Tells whether the bank has the payment, or is about to, and has not answered for good."""
    if unsent_but_named(submission, index):
        return True
    waits_for_answer = submission.directives[index] in (Directive.NONE, Directive.SEND)
    return waits_for_answer and submission.statuses[index] in (Status.SENT, Status.UNKNOWN)
