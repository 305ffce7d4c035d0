"""The screening lane: no payment goes on without a fresh list and a look at the names on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.service.threads import computed

from ringfence_payment_instruction.screening.application.looking import Hit, Look, Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.deciding import SecondPersonRule, screened
from ringfence_payment_instruction.screening.domain.fields import Side
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step

Clients = Mapping[Side, bytes]


@dataclass(frozen=True, slots=True)
class ScreeningWork:
    """Screens the instructions of a submission."""

    submissions: Submissions
    personal: PersonalData
    lists: ListsInForce
    looking: Looking
    needs_second_person: SecondPersonRule

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions to screen."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and submission.stages.find(Stage.SCREEN) >= 0

    async def handle(self, stream: bytes) -> None:
        """Screens and records.

        Raises ScreeningListStale, ClientNotIndexed or KeysUnavailable while that cannot be done.
        """
        screening = self.lists.fresh()
        submission = self.submissions.state.known(stream)
        indexes = list(submission.at_stage(Stage.SCREEN))
        clients = {index: clients_of(submission, index) for index in indexes}
        look = await self.looking.look(screening, {each for sides in clients.values() for each in sides.values()})
        clear = await self.personal.open(submission, indexes)
        outcomes = await computed(len(clear), _screen, clear, clients, look)
        evidence = screening.evidence()

        def decider(now: Submission) -> list[Any]:
            # Another list may have come into force meanwhile: then the rows are screened again.
            if self.lists.current().evidence() != evidence:
                return []
            return screened(now, outcomes, self.needs_second_person, evidence)

        await self.submissions.decide(stream, decider, weight=len(outcomes))


def clients_of(submission: Submission, index: int) -> Clients:
    """Returns the clients of the tenant that an instruction is about: whoever else it names is a stranger."""
    owners = zip((Side.DEBTOR, Side.CREDITOR), submission.owners(index), strict=True)
    return {side: owner for side, owner in owners if owner != submission.tenant}


def _screen(clear: Mapping[int, Clear], clients: Mapping[int, Clients], look: Look) -> dict[int, Step | None]:
    return {index: _refusal(index, row, look.hit(row, clients[index])) for index, row in clear.items()}


def _refusal(index: int, row: Clear, hit: Hit | None) -> Step | None:
    if not row.creditor_name:
        return Step(index, Status.REJECTED, reasons.SUBJECT_ERASED)
    return Step(index, Status.REJECTED, reasons.SANCTIONS_HIT, hit.reference) if hit else None
