"""The screening lane: no payment goes on without a fresh list and a look at the names on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.errors import DomainError

from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.deciding import Review, screened
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import IN_BOOK
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step

_UNKNOWN = Step(0, Status.REJECTED)
LOOKS = 3
"""How often rows are looked up that were not expected to be held; what is left then is taken up again later."""


class Looked(Protocol):
    """How rows that pass are decided on, and why some of them cannot be yet."""

    @property
    def review(self) -> Review:
        """What decides."""

    @property
    def missing(self) -> DomainError | None:
        """What could not be looked up."""


class Reviewer(Protocol):
    """Decides on rows that pass: whether they go on, or a second person has to look at them."""

    async def look_up(self, submission: Submission, rows: Sequence[int]) -> Looked:
        """Returns what decides on rows, by what was looked up about them."""


@dataclass(frozen=True, slots=True)
class ScreeningWork:
    """Screens the instructions of a submission."""

    submissions: Submissions
    personal: PersonalData
    lists: ListsInForce
    reviewer: Reviewer

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions to screen."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and submission.stages.find(Stage.SCREEN) >= 0

    async def handle(self, stream: bytes) -> None:
        """Screens and records; raises ScreeningListStale or KeysUnavailable while that cannot be done.

        Raises also what keeps rows from being reviewed; the others have been recorded by then.
        """
        screening = self.lists.fresh()
        submission = self.submissions.state.known(stream)
        indexes = list(submission.at_stage(Stage.SCREEN))
        clear = await self.personal.open(submission, indexes)
        outcomes = await computed(len(clear), _screen, submission, clear, screening)
        evidence = screening.evidence()

        for _ in range(LOOKS):
            clean = [index for index in submission.at_stage(Stage.SCREEN) if outcomes.get(index, _UNKNOWN) is None]
            looked = await self.reviewer.look_up(submission, clean)

            def decider(now: Submission, now_ns: int, review: Review = looked.review) -> list[Any]:
                # Another list may have come into force meanwhile: then the rows are screened again.
                if self.lists.current().evidence() != evidence:
                    return []
                return screened(now, outcomes, review, now_ns, evidence)

            await self.submissions.decide_by_time(stream, decider, weight=len(outcomes))
            if looked.missing is not None:
                raise looked.missing
            if not self.has_work(stream):
                return


def _screen(submission: Submission, clear: dict[int, Clear], screening: Screening) -> dict[int, Step | None]:
    return {
        index: Step(index, Status.REJECTED, reasons.SUBJECT_ERASED)
        if _is_erased(submission, index, row)
        else _refusal(index, row, screening)
        for index, row in clear.items()
    }


def _is_erased(submission: Submission, index: int, row: Clear) -> bool:
    """Tells whether a party that must be known has left nothing to be read."""
    if row.creditor_name and row.creditor_iban and row.debtor_iban:
        return False
    sealed = submission.sealed(index)
    sides = ((sealed.debtor_owner, row.debtor_iban), (sealed.creditor_owner, row.creditor_iban))
    if any(owner != submission.tenant and not iban for owner, iban in sides):
        return True
    return not row.creditor_name and submission.purpose(index) not in IN_BOOK


def _refusal(index: int, row: Clear, screening: Screening) -> Step | None:
    hit = screening.hit([name for name in (row.creditor_name, row.debtor_name) if name])
    return Step(index, Status.REJECTED, reasons.SANCTIONS_HIT, hit) if hit else None
