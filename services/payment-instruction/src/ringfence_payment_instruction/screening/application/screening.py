"""The screening lane: no payment goes on without a fresh list and a look at the names on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.approvals.domain import ApprovalLimits
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Desk, record_all
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import ScreeningListStale
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.transitions import Step, screened


@dataclass(frozen=True, slots=True)
class ScreeningWork:
    """Screens the instructions of a submission."""

    desk: Desk
    personal: PersonalData
    limits: ApprovalLimits
    maximum_age_ns: int
    clock: Clock

    def current(self) -> Screening:
        """Returns the lists in force now."""
        return Screening(dict(self.desk.state.lists), self.maximum_age_ns)

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions to screen."""
        submission = self.desk.state.submissions.get(stream)
        return submission is not None and submission.stages.find(Stage.SCREEN) >= 0

    async def handle(self, stream: bytes) -> None:
        """Screens and records; raises ScreeningListStale or KeysUnavailable while that cannot be done."""
        screening = self.current()
        if screening.is_stale(self.clock.now_ns()):
            raise ScreeningListStale
        submission = self.desk.state.submissions[stream]
        indexes = list(submission.at_stage(Stage.SCREEN))
        clear = await self.personal.open(submission, indexes)
        outcomes = await asyncio.to_thread(_screen, clear, screening)
        evidence = screening.evidence()

        def command(unit: Unit) -> None:
            # Another list may have come into force meanwhile: then the rows are screened again.
            if self.current().evidence() == evidence:
                record_all(unit, stream, screened(submission, outcomes, self.limits, evidence))

        await self.desk.commit(command, weight=len(outcomes))


def _screen(clear: dict[int, Clear], screening: Screening) -> dict[int, Step | None]:
    return {index: _refusal(index, row, screening) for index, row in clear.items()}


def _refusal(index: int, row: Clear, screening: Screening) -> Step | None:
    if not row.creditor_name:
        return Step(index, Status.REJECTED, reasons.SUBJECT_ERASED)
    hit = screening.hit((row.creditor_name, row.debtor_name) if row.debtor_name else (row.creditor_name,))
    return Step(index, Status.REJECTED, reasons.SANCTIONS_HIT, hit) if hit else None
