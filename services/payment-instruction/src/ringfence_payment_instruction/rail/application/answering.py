"""Takes in what the bank answers: what fits one payment is decided, and all else is kept for people to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ringfence_kernel.sealing.envelopes import EnvelopeBroken
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.ids import show
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.rail.application.ports import (
    BankAnswers,
    Outbox,
    RailVoucher,
    Returns,
    Sealed,
    Seals,
)
from ringfence_payment_instruction.rail.domain.events import AnswerExcepted
from ringfence_payment_instruction.rail.domain.replies import (
    Answer,
    BankReply,
    Misfit,
    Misfitting,
    answered,
    contradicted,
    group,
    is_whole,
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
from ringfence_payment_instruction.submissions.domain.returning import (
    ReturnedPayment,
    came_back,
    has_come_back,
    may_come_back,
    returned_payment,
)
from ringfence_payment_instruction.submissions.domain.submission import Submission

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


@dataclass(slots=True)
class Ready:
    """What had to be made before the decision on a file can be recorded: sealed answers, and entries of what came back.

    Only the decision tells what is needed; so it is taken again once that is here.
    """

    sealed: dict[int, Sealed] = field(default_factory=dict)
    returned: tuple[ReturnedPayment, ...] = ()
    entries: Sequence[tuple[bytes, Any]] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is missing for that."""

    unsealed: Sequence[Misfitting] = ()
    returned: tuple[ReturnedPayment, ...] = ()


@dataclass(frozen=True, slots=True)
class Answering:
    """Decides on the answers of one file in one commit."""

    submissions: Submissions
    state: State
    outbox: Outbox
    seals: Seals
    returns: Returns
    voucher: RailVoucher

    async def take_in(self, file: BankAnswers) -> None:
        """Records what a file answers.

        Raises EvidenceConflict, VaultUnavailable, as the store, and where money comes back as `Returns.prepare`.
        """
        asked, ready = Asked(keys_of_replies(file.replies)), Ready()
        decide = partial(self._decide, file, ready)
        while wanted := await self.submissions.knowing(asked, decide, weight=len(file.replies)):
            for each in wanted.unsealed:
                ready.sealed[each.position] = await self._seal(exception_id(file.digest, each.position), each.reply)
            if wanted.returned != ready.returned:
                # Money comes in only on the word of somebody who vouches for it.
                prepared = await self.returns.prepare(self.voucher, file.digest, file.message_id, wanted.returned)
                ready.returned, ready.entries = wanted.returned, prepared
        if ready.sealed:
            # The bank has named no payment of ours, or changed its word: money may be at the wrong place there.
            _LOG.error("bank_answers_excepted", count=len(ready.sealed))

    def _decide(self, file: BankAnswers, ready: Ready, unit: Unit) -> Wanted | None:
        """Records all that a file says, or nothing, and tells what is missing for it."""
        found, misfits = group(self.submissions.state, file.replies)
        for (stream, _), answer in found.items():
            misfits += _contrary(self.submissions.state.known(stream), answer)
        misfits = [each for each in _once(misfits) if not self.state.is_known(exception_id(file.digest, each.position))]
        unsealed = [each for each in misfits if each.position not in ready.sealed]
        returned = tuple(
            returned_payment(submission, index, reply.amount_minor)
            for (stream, _), answer in found.items()
            for submission in [self.submissions.state.known(stream)]
            for index, reply in answer.returned().items()
            if not has_come_back(submission, index)
        )
        if unsealed or returned != ready.returned:
            return Wanted(unsealed, returned)
        for (stream, message_id), answer in found.items():
            self._record(unit, stream, file.digest, message_id, answer)
        for stream, event in ready.entries if returned else ():
            unit.record(stream, event)
        for each in misfits:
            unit.record(exception_id(file.digest, each.position), self._excepted(file, each, ready.sealed))
        if messages := {message_id for _, message_id in found}:
            # Nobody needs to hand over again what the bank has answered.
            unit.commit_also(self.outbox.delivered(sorted(messages), ANSWERED))
        return None

    def _record(self, unit: Unit, stream: bytes, digest: bytes, message_id: str, answer: Answer) -> None:
        submission = self.submissions.state.known(stream)
        decided = answered(submission, answer.settled(), answer.failed(), digest, message_id)
        codes = {index: reply.reason for index, reply in answer.returned().items()}
        self.submissions.record(unit, stream, [*decided, *came_back(submission, codes, digest, message_id)])

    async def words(self, event: AnswerExcepted) -> Words:
        """Returns what the bank has said, nothing where it does not open; raises VaultUnavailable."""
        try:
            content = await self.seals.unseal(event.exception, FIELD, Sealed(event.wrapped_key, event.sealed))
        except EnvelopeBroken:
            # One that is damaged must not keep people from the others.
            _LOG.error("bank_answer_broken", exception=show(event.exception))
            return Words("", "", "", "", "", "")
        return plain.decode(memoryview(content), Words)

    async def _seal(self, exception: bytes, reply: BankReply) -> Sealed:
        ids = (reply.message_id, reply.transaction_id, reply.end_to_end_id, reply.instruction_id, reply.uetr)
        return await self.seals.seal(exception, FIELD, plain.encode(Words(*ids, reply.remark)))

    def _excepted(self, file: BankAnswers, misfit: Misfitting, ready: Mapping[int, Sealed]) -> AnswerExcepted:
        sealed = ready[misfit.position]
        payments = [self._payment(ref) for ref in misfit.refs]
        return AnswerExcepted(
            tenant=joint_tenant(payments),
            exception=exception_id(file.digest, misfit.position),
            digest=file.digest,
            number=misfit.position,
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


def _contrary(submission: Submission, answer: Answer) -> list[Misfitting]:
    """Takes the rows out of an answer that it cannot decide, and returns them: people must look."""
    why = dict.fromkeys(contradicted(submission, answer.settled(), answer.failed()), Misfit.CONTRADICTS)
    for index, reply in answer.returned().items():
        if has_come_back(submission, index):
            continue  # told again
        if not may_come_back(submission, index):
            why[index] = Misfit.CONTRADICTS
        elif not is_whole(submission, index, reply):
            why[index] = Misfit.OTHER_AMOUNT
    return [
        Misfitting(
            answer.positions[index], answer.replies.pop(index), reason, (InstructionRef(submission.stream, index),)
        )
        for index, reason in why.items()
    ]


def _once(misfits: Sequence[Misfitting]) -> list[Misfitting]:
    """Returns one for each reply: that to a message may contradict several of its payments."""
    joined: dict[int, Misfitting] = {}
    for each in misfits:
        before = joined.get(each.position)
        refs = before.refs + each.refs if before else each.refs
        joined[each.position] = Misfitting(each.position, each.reply, each.why, refs)
    return [each for _, each in sorted(joined.items())]
