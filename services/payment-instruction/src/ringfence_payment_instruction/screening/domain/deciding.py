"""What screening decides about instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, moved

# Ledger and amount in minor units: whether a second person has to look at it.
SecondPersonRule = Callable[[int, int], bool]


def screened(
    submission: Submission, outcomes: Mapping[int, Step | None], needs_second_person: SecondPersonRule, evidence: bytes
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
        if needs_second_person(submission.ledgers[index], submission.amounts_minor[index]):
            steps.append(Step(index, Status.HELD, reasons.SECOND_APPROVER_REQUIRED))
    return moved(submission, "screening", steps, evidence=evidence)
