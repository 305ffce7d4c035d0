"""The screening lane: no payment goes on without a fresh list and a look at the names on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.service.threads import computed

from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.deciding import SecondPersonRule, screened
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step


@dataclass(frozen=True, slots=True)
class ScreeningWork:
    """Screens the instructions of a submission."""

    submissions: Submissions
    personal: PersonalData
    lists: ListsInForce
    needs_second_person: SecondPersonRule

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions to screen."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and submission.stages.find(Stage.SCREEN) >= 0

    async def handle(self, stream: bytes) -> None:
        """Screens and records; raises ScreeningListStale or KeysUnavailable while that cannot be done."""
        screening = self.lists.fresh()
        submission = self.submissions.state.known(stream)
        indexes = list(submission.at_stage(Stage.SCREEN))
        clear = await self.personal.open(submission, indexes)
        outcomes = await computed(len(clear), _screen, clear, screening)
        evidence = screening.evidence()

        def decider(now: Submission) -> list[Any]:
            # Another list may have come into force meanwhile: then the rows are screened again.
            if self.lists.current().evidence() != evidence:
                return []
            return screened(now, outcomes, self.needs_second_person, evidence)

        await self.submissions.decide(stream, decider, weight=len(outcomes))


def _screen(clear: dict[int, Clear], screening: Screening) -> dict[int, Step | None]:
    return {index: _refusal(index, row, screening) for index, row in clear.items()}


def _refusal(index: int, row: Clear, screening: Screening) -> Step | None:
    if not row.creditor_name:
        return Step(index, Status.REJECTED, reasons.SUBJECT_ERASED)
    hit = screening.hit((row.creditor_name, row.debtor_name) if row.debtor_name else (row.creditor_name,))
    return Step(index, Status.REJECTED, reasons.SANCTIONS_HIT, hit) if hit else None
