"""Two people work off an answer of the bank that fits no payment, or several, or says something else than before."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import ZERO_ID, show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.rail.domain.errors import AnswerExceptionUnknown, AnswerNotApplicable
from ringfence_payment_instruction.rail.domain.events import AnswerWorkedOff
from ringfence_payment_instruction.rail.domain.replies import Fate, Misfit, answered
from ringfence_payment_instruction.rail.domain.state import Outcome, State, Waiting
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import awaits_bank

WORK_OFF = "payment-instruction.WorkOffAnswer"


@dataclass(frozen=True, slots=True)
class Working:
    """What a proposal holds: what follows from an answer, for which payment, and on what document that rests."""

    outcome: Outcome
    instruction: bytes
    document_sha256: bytes
    note: str


@dataclass(frozen=True, slots=True)
class WorkingOff:
    """Proposes what follows from an answer; a second operator's confirmation does it."""

    submissions: Submissions
    state: State
    proposals: Proposals

    async def propose(self, exception: bytes, tenant: bytes, working: Working, caller: Caller) -> bytes:
        """Returns the proposal's id; `tenant` and instruction are empty and zero where nothing follows.

        Raises AnswerExceptionUnknown, AnswerNotApplicable, TooManyProposals.
        """

        def decide(unit: Unit) -> bytes:
            waiting = self.state.waiting.get(exception)
            if waiting is None:
                raise AnswerExceptionUnknown
            if working.outcome is Outcome.APPLIED:
                self._answered(waiting, tenant, working.instruction)
            payload = plain.encode(working)
            return self.proposals.propose(
                unit, WORK_OFF, subject=exception, payload=payload, caller=caller, tenant=tenant
            )

        return await self.submissions.writer.commit(decide)

    def effect(self) -> Effect:
        """Returns what a confirmation brings about, to be registered once."""
        return Effect(name=WORK_OFF, basis=self._basis, carry_out=self._carry_out, describe=_described)

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns a digest of whether it waits, and how the payment stands."""
        found = self.submissions.state.find(proposal.tenant, _working_of(proposal).instruction)
        stands = (found[0].statuses[found[1]], found[0].directives[found[1]]) if found else None
        return sha256(plain.encode((proposal.subject in self.state.waiting, stands))).digest()

    def _carry_out(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        working, waiting = _working_of(proposal), self.state.waiting.get(proposal.subject)
        if waiting is None:
            raise AnswerExceptionUnknown
        if working.outcome is Outcome.APPLIED:
            submission, index = self._answered(waiting, proposal.tenant, working.instruction)
            said, reference = waiting.event, submission.references[index]
            settled, failed = ([index], {}) if said.fate == Fate.SETTLED else ([], {index: said.reason})
            decided = answered(submission, settled, failed, said.digest, reference)
            self.submissions.record(unit, submission.stream, decided)
        event = AnswerWorkedOff(
            tenant=proposal.tenant or ZERO_ID,
            exception=proposal.subject,
            outcome=working.outcome,
            instruction=working.instruction,
            document_sha256=working.document_sha256,
            note=working.note,
            actor=hand.principal,
        )
        unit.record(proposal.subject, event)

    def _answered(self, waiting: Waiting, tenant: bytes, instruction: bytes) -> tuple[Submission, int]:
        """Returns the payment that an answer is applied to; raises AnswerNotApplicable.

        It awaits the bank, so its submission is in memory.
        """
        found = self.submissions.state.find(tenant, instruction)
        fits = waiting.candidates()
        may_be = waiting.event.misfit in (Misfit.UNKNOWN, Misfit.AMBIGUOUS) and waiting.event.fate != Fate.RETURNED
        if not may_be or (fits and (tenant, instruction) not in fits):
            raise AnswerNotApplicable
        if found is None or not awaits_bank(*found) or found[1] not in found[0].references:
            raise AnswerNotApplicable
        return found


def _working_of(proposal: Proposal) -> Working:
    return plain.decode(memoryview(proposal.payload), Working)


def _described(proposal: Proposal) -> str:
    working = _working_of(proposal)
    why = f"by document {working.document_sha256.hex()}: {working.note}"
    if working.outcome is Outcome.DISMISSED:
        return f"dismiss the bank's answer {show(proposal.subject)} ({working.outcome.name}), nothing follows, {why}"
    payment = f"payment {show(working.instruction)} of platform {show(proposal.tenant)}"
    return f"apply the bank's answer {show(proposal.subject)} to {payment} ({working.outcome.name}), {why}"
