"""What screening decides about instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ringfence_kernel.values.columns import pack

from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.submissions.domain.events import HitsReleased, InstructionsRescreened
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import UNSENT, Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, moved

# The rows of a submission that pass at a time (UTC nanoseconds) -> the step after SCREENED of each, None to go on; rows
# that it leaves out are not screened yet.
Review = Callable[[Submission, Sequence[int], int], Mapping[int, Step | None]]


def screened(
    submission: Submission, outcomes: Mapping[int, Step | None], review: Review, now_ns: int, evidence: bytes
) -> list[Any]:
    """Decides on screening: `outcomes` has a refusing step for a row, or None for a clean one."""
    steps: list[Step] = []
    waiting = [index for index in outcomes if submission.stages[index] == Stage.SCREEN]
    reviewed = review(submission, [index for index in waiting if outcomes[index] is None], now_ns)
    for index in waiting:
        refusal = outcomes[index]
        if refusal is not None:
            steps.append(refusal)
        elif index in reviewed:
            steps.append(Step(index, Status.SCREENED))
            after = reviewed[index]
            if after is not None:
                steps.append(after)
    return moved(submission, "screening", steps, evidence=evidence)


def rescreened(
    submission: Submission, indexes: Sequence[int], hits: Mapping[int, ListedEntry], evidence: bytes
) -> list[InstructionsRescreened]:
    """Decides on screening again: `hits` has the entry that names somebody in a row; the others go on.

    Rows that came to the bank or to an end meanwhile are too late to be stopped, and those that were screened first
    meanwhile are as new as this.
    """
    rows = [index for index in indexes if submission.statuses[index] in UNSENT]
    found = {row: hits[index] for row, index in enumerate(rows) if index in hits}
    ids = b"".join([submission.instruction_id(index) for index in rows])
    named = (submission.tenant, submission.submission_id)
    names = {row: str(entry) for row, entry in found.items()}
    digests = {row: entry.entry_sha256 for row, entry in found.items()}
    return [InstructionsRescreened(*named, ids, pack("I", rows), names, digests, evidence)]


def released(submission: Submission, indexes: Sequence[int], actor: bytes, note: str) -> list[HitsReleased]:
    """Decides that what hit names somebody else; nothing for rows without a hit."""
    rows = [index for index in indexes if index in submission.hits]
    if not rows:
        return []
    ids = b"".join([submission.instruction_id(index) for index in rows])
    return [HitsReleased(submission.tenant, submission.submission_id, ids, pack("I", rows), actor, note)]
