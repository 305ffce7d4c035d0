"""What screening decides about instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
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
