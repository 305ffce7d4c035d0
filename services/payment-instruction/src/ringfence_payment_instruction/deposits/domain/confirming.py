"""Payments of ours that the bank's own account shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.submissions.domain.reasons import ON_ACCOUNT
from ringfence_payment_instruction.submissions.domain.returning import has_come_back
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import (
    Step,
    awaits_bank,
    directed,
    moved,
    sent_after_all,
)


def by_submission(matched: Sequence[MatchedEntry]) -> dict[bytes, list[int]]:
    """Returns the indexes of the payments that entries confirm, by the stream of their submission."""
    found: dict[bytes, list[int]] = {}
    for each in matched:
        if each.instruction is not None:
            found.setdefault(each.instruction.stream, []).append(each.instruction.index)
    return found


def booked(submission: Submission, indexes: Sequence[int], evidence: bytes, source: bytes) -> list[Any]:
    """Decides that payments were seen on the bank's own account: settled ones are reconciled, others will be."""
    steps = [Step(index, Status.RECONCILED) for index in indexes if submission.statuses[index] == Status.SETTLED]
    steps += sent_after_all(submission, indexes)
    events = moved(submission, "bank", steps, evidence=evidence)
    due = [
        index
        for index in indexes
        if awaits_bank(submission, index)
        or (submission.stages[index] == Stage.CONFIRM and not has_come_back(submission, index))
    ]
    marks = dict.fromkeys(range(len(due)), ON_ACCOUNT)
    return events + directed(submission, Directive.SETTLE, due, details=marks, evidence=evidence, actor=source)
