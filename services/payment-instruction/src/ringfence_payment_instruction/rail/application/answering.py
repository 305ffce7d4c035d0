"""Takes in what the bank answers: what fits one payment is decided, and all else is kept for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.rail.application.ports import BankAnswers, Outbox, Sealed, Seals
from ringfence_payment_instruction.rail.domain.events import AnswerExcepted
from ringfence_payment_instruction.rail.domain.replies import (
    BankReply,
    Misfit,
    Misfitting,
    answered,
    contradicted,
    group,
    keys_of_replies,
)
from ringfence_payment_instruction.rail.domain.state import (
    MAX_CANDIDATES,
    State,
    exception_id,
    joint_tenant,
)
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.past import Asked, InstructionRef

ANSWERED = "answered"
"""The receipt of a message of which we know from the bank's answer that it was taken."""
FIELD = "answer"
"""The place in which what a bank has said is sealed."""
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """What is sealed of an answer: the ids by which it names payments, and the bank's own words."""

    message_id: str
    transaction_id: str
    end_to_end_id: str
    instruction_id: str
    uetr: str
    remark: str


@dataclass(frozen=True, slots=True)
class Answering:
    """Decides on the answers of one file in one commit."""

    submissions: Submissions
    state: State
    outbox: Outbox
    seals: Seals

    async def take_in(self, file: BankAnswers) -> None:
        """Records what a file answers; raises EvidenceConflict, VaultUnavailable and as the store."""
        asked, sealed = Asked(keys_of_replies(file.replies)), dict[int, Sealed]()

        def command(unit: Unit) -> list[Misfitting]:
            found, misfits = group(self.submissions.state, file.replies)
            for (stream, _), answer in found.items():
                submission = self.submissions.state.known(stream)
                against = contradicted(submission, answer.settled(), answer.failed())
                misfits += [
                    Misfitting(answer.positions[index], answer.replies[index], Misfit.CONTRADICTS, (at,))
                    for index in against
                    for at in [InstructionRef(stream, index)]
                ]
            new = _once([each for each in misfits if not self.state.is_known(exception_id(file.digest, each.position))])
            if unsealed := [each for each in new if each.position not in sealed]:
                return unsealed
            for (stream, message_id), answer in found.items():
                submission = self.submissions.state.known(stream)
                decided = answered(submission, answer.settled(), answer.failed(), file.digest, message_id)
                self.submissions.record(unit, stream, decided)
            for each in new:
                event = self._excepted(file, each, sealed[each.position])
                unit.record(event.exception, event)
            if messages := {message_id for _, message_id in found}:
                # Nobody needs to hand over again what the bank has answered.
                unit.commit_also(self.outbox.delivered(sorted(messages), ANSWERED))
            return []

        # Only the decision tells which answers are to be kept; so it is taken again once those are sealed.
        while missing := await self.submissions.knowing(asked, command, weight=len(file.replies)):
            for each in missing:
                sealed[each.position] = await self._seal(exception_id(file.digest, each.position), each.reply)
        if sealed:
            # The bank has named no payment of ours, or changed its word: money may be at the wrong place there.
            _LOG.error("bank_answers_excepted", count=len(sealed))

    async def words(self, event: AnswerExcepted) -> Words:
        """Returns what the bank has said; raises VaultUnavailable, EnvelopeBroken."""
        content = await self.seals.unseal(event.exception, FIELD, Sealed(event.wrapped_key, event.sealed))
        return plain.decode(memoryview(content), Words)

    async def _seal(self, exception: bytes, reply: BankReply) -> Sealed:
        ids = (reply.message_id, reply.transaction_id, reply.end_to_end_id, reply.instruction_id, reply.uetr)
        return await self.seals.seal(exception, FIELD, plain.encode(Words(*ids, reply.remark)))

    def _excepted(self, file: BankAnswers, misfit: Misfitting, sealed: Sealed) -> AnswerExcepted:
        payments = [self._payment(ref) for ref in misfit.refs]
        return AnswerExcepted(
            tenant=joint_tenant(payments),
            exception=exception_id(file.digest, misfit.position),
            digest=file.digest,
            position=misfit.position,
            misfit=misfit.why,
            fate=misfit.reply.fate,
            reason=misfit.reply.reason,
            amount_minor=misfit.reply.amount_minor,
            ledger=currency(misfit.reply.currency).numeric_code if misfit.reply.currency else 0,
            candidates=b"".join(tenant + instruction for tenant, instruction in payments[:MAX_CANDIDATES]),
            wrapped_key=sealed.wrapped_key,
            sealed=sealed.envelope,
        )

    def _payment(self, ref: InstructionRef) -> tuple[bytes, bytes]:
        submission = self.submissions.state.known(ref.stream)
        return submission.tenant, submission.instruction_id(ref.index)


def _once(misfits: Sequence[Misfitting]) -> list[Misfitting]:
    """Returns one for each reply: that to a message may contradict several of its payments."""
    joined: dict[int, Misfitting] = {}
    for each in misfits:
        before = joined.get(each.position)
        refs = before.refs + each.refs if before else each.refs
        joined[each.position] = Misfitting(each.position, each.reply, each.why, refs)
    return list(joined.values())
