"""The screening lane: no payment goes on without a fresh list and a look at the names on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ringfence_kernel.service.threads import computed
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import show

from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Look, Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.stopping import Behind, Stopping
from ringfence_payment_instruction.screening.domain.deciding import Review, rescreened, screened
from ringfence_payment_instruction.screening.domain.listed import Hit
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import IN_BOOK
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step

_LOG = get(__name__)
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
    known: Known
    personal: PersonalData
    lists: ListsInForce
    looking: Looking
    stopping: Stopping
    reviewer: Reviewer

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions to screen, or to screen again."""
        submission = self.submissions.state.submission(stream)
        if submission is None:
            return False
        return submission.stages.find(Stage.SCREEN) >= 0 or self._is_due(submission)

    async def handle(self, stream: bytes) -> None:
        """Screens and records.

        Raises ScreeningListStale, ClientNotIndexed or KeysUnavailable while that cannot be done, and what keeps rows
        from being reviewed; the others have been recorded by then.
        """
        submission = self.submissions.state.known(stream)
        if self._is_due(submission):
            await self._again(submission)
        if indexes := list(submission.at_stage(Stage.SCREEN)):
            await self._first(submission, indexes)

    def _is_due(self, submission: Submission) -> bool:
        return not self.known.covers(submission) and bool(submission.unsent())

    async def _again(self, submission: Submission) -> None:
        """Screens what the bank does not have: a list has changed since, or a client was found on one."""
        screening, position = self.lists.fresh(), self.known.changed_position
        indexes, let_go = submission.unsent(), dict(submission.released)
        look = await self._look(submission, indexes, screening)
        clear = await self.personal.open(submission, indexes)
        behind = await self.stopping.behind(submission, indexes)
        waiting = {index: row for index, row in clear.items() if index not in submission.hits}
        hits = await computed(len(waiting), self._found, submission, waiting, look, behind)

        def decider(now: Submission) -> list[Any]:
            # What has hit before was not looked at: if it was released meanwhile, it has to be.
            is_current = self.known.changed_position == position and now.released == let_go
            entries = {index: hit.entry for index, hit in hits.items()}
            return rescreened(now, indexes, entries, look.evidence) if is_current else []

        await self.submissions.decide(submission.stream, decider, weight=len(indexes))
        if hits:
            _LOG.error("unsent_payments_hit", tenant=show(submission.tenant), payments=len(hits))

    async def _first(self, submission: Submission, indexes: list[int]) -> None:
        screening, position = self.lists.fresh(), self.known.changed_position
        look = await self._look(submission, indexes, screening)
        clear = await self.personal.open(submission, indexes)
        behind = await self.stopping.behind(submission, indexes)
        hits = await computed(len(clear), self._found, submission, clear, look, behind)
        outcomes = {index: _outcome(submission, index, row, hits.get(index)) for index, row in clear.items()}

        for _ in range(LOOKS):
            clean = [index for index in submission.at_stage(Stage.SCREEN) if outcomes.get(index, _UNKNOWN) is None]
            looked = await self.reviewer.look_up(submission, clean)

            def decider(now: Submission, now_ns: int, review: Review = looked.review) -> list[Any]:
                # Another list may have come into force meanwhile: then the rows are screened again.
                if self.known.changed_position != position:
                    return []
                return screened(now, outcomes, review, now_ns, look.evidence)

            await self.submissions.decide_by_time(submission.stream, decider, weight=len(outcomes))
            if looked.missing is not None:
                raise looked.missing
            if submission.stages.find(Stage.SCREEN) < 0:
                return

    async def _look(self, submission: Submission, indexes: Iterable[int], screening: Screening) -> Look:
        subjects = {owner for index in indexes for owner in submission.owners(index)} - {submission.tenant}
        return await self.looking.look(screening, subjects)

    def _found(self, submission: Submission, clear: Mapping[int, Clear], look: Look, behind: Behind) -> dict[int, Hit]:
        """Returns the first entry that names somebody in each row, but for what two people have released."""
        found = {index: self._hit(submission, index, row, look, behind) for index, row in clear.items()}
        return {index: hit for index, hit in found.items() if hit is not None}

    def _hit(self, submission: Submission, index: int, row: Clear, look: Look, behind: Behind) -> Hit | None:
        hits = self.stopping.hits(submission, index, row, look, behind)
        return next((hit for hit, is_released in hits if not is_released), None)


def _outcome(submission: Submission, index: int, row: Clear, hit: Hit | None) -> Step | None:
    if _is_erased(submission, index, row):
        return Step(index, Status.REJECTED, reasons.SUBJECT_ERASED)
    return Step(index, Status.REJECTED, reasons.SANCTIONS_HIT, str(hit.entry)) if hit else None


def _is_erased(submission: Submission, index: int, row: Clear) -> bool:
    """Tells whether a party that must be known has left nothing to be read."""
    if row.creditor_name and row.creditor_number and row.debtor_iban:
        return False
    sealed = submission.sealed(index)
    sides = ((sealed.debtor_owner, row.debtor_iban), (sealed.creditor_owner, row.creditor_number))
    if any(owner != submission.tenant and not iban for owner, iban in sides):
        return True
    return not row.creditor_name and submission.purpose(index) not in IN_BOOK
