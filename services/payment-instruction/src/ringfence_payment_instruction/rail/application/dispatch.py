"""The sending lane: reserved payments become a message to the bank, decided first, handed over second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.clock import DAY_NS, Clock
from ringfence_kernel.values.ids import external_id, show
from ringfence_kernel.values.money import currency

from ringfence_payment_instruction.rail.application.ports import BankFiles, OutgoingPayment, Rail
from ringfence_payment_instruction.rail.domain.errors import RailUnavailable, SubjectErased
from ringfence_payment_instruction.rail.domain.replies import dispatched
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage
from ringfence_payment_instruction.submissions.domain.submission import Submission, transfer_id_of
from ringfence_payment_instruction.submissions.domain.transitions import directed

NAME_WITHHELD = "NOTPROVIDED"


@dataclass(frozen=True, slots=True)
class DispatchWork:
    """Sends a submission's payments that leave by the bank."""

    submissions: Submissions
    personal: PersonalData
    files: BankFiles
    rail: Rail
    clock: Clock

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has payments to send."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and any(
            submission.stages.find(stage) >= 0 for stage in (Stage.SEND, Stage.DISPATCH)
        )

    async def handle(self, stream: bytes) -> None:
        """Directs what is reserved into one message, and hands over every message that was directed.

        A restart finds the directive and hands the same message over again, under the same message id. Raises
        KeysUnavailable, RailUnavailable.
        """
        submission = self.submissions.state.known(stream)
        await self._direct(submission)
        messages: dict[str, list[int]] = {}
        for index in submission.at_stage(Stage.DISPATCH):
            messages.setdefault(submission.references[index], []).append(index)
        for message_id, indexes in messages.items():
            await self._hand_over(submission, message_id, indexes)

    async def _direct(self, submission: Submission) -> None:
        """Decides what is sent; payments of an erased party are released instead."""
        rows = list(submission.at_stage(Stage.SEND))
        if not rows:
            return
        clear = await self.personal.open(submission, rows)
        erased = {index for index, row in clear.items() if not is_complete(row)}

        def decider(now: Submission) -> list[Any]:
            ready = [index for index in rows if now.stages[index] == Stage.SEND]
            sent = [index for index in ready if index not in erased]
            kept = [index for index in ready if index in erased]
            reference = message_id_of(now, sent[0]) if sent else ""
            events = directed(now, Directive.SEND, sent, reference=reference)
            return events + directed(now, Directive.REJECT, kept, reason=reasons.SUBJECT_ERASED)

        await self.submissions.decide(submission.stream, decider, weight=len(rows))

    async def _hand_over(self, submission: Submission, message_id: str, indexes: list[int]) -> None:
        message = self.submissions.state.message(message_id)
        assert message is not None  # its directive has just been read
        created_ns = message.created_ns
        clear = await self.personal.open(submission, indexes)
        if not all(map(is_complete, clear.values())):
            raise SubjectErased
        payments = [_payment(submission, index, clear[index], created_ns // DAY_NS) for index in indexes]
        content = await asyncio.to_thread(self.files.write_payments, message_id, created_ns, payments)
        try:
            await asyncio.to_thread(self.rail.send, message_id, content)
        except OSError as error:
            raise RailUnavailable(f"the rail does not take messages: {error.strerror}") from error
        await self.submissions.decide(
            submission.stream, lambda now: dispatched(now, message_id, indexes), weight=len(indexes)
        )


def is_complete(clear: Clear) -> bool:
    """Tells whether the bank can be told whom to pay and from which account."""
    return bool(clear.debtor_iban and clear.creditor_iban and clear.creditor_name)


def message_id_of(submission: Submission, first_index: int) -> str:
    """Returns the id of the message that begins with an instruction: each is sent once, so the id is unique."""
    first = external_id("pacs.008", submission.tenant, show(submission.instruction_id(first_index)))
    return f"RF{first.hex()}"


def transaction_id_of(submission: Submission, index: int) -> str:
    """Returns what the bank knows a payment by: its transfer's id in hexadecimal."""
    return transfer_id_of(submission.tenant, submission.instruction_id(index)).hex()


def _payment(submission: Submission, index: int, clear: Clear, settlement_day: int) -> OutgoingPayment:
    return OutgoingPayment(
        transaction_id=transaction_id_of(submission, index),
        end_to_end_id=submission.end_to_end_id(index),
        amount_minor=submission.amounts_minor[index],
        currency=currency(submission.ledgers[index]).alpha,
        settlement_day=settlement_day,
        debtor_name=clear.debtor_name or NAME_WITHHELD,
        debtor_iban=clear.debtor_iban,
        creditor_name=clear.creditor_name,
        creditor_iban=clear.creditor_iban,
        creditor_agent_bic=clear.creditor_agent_bic,
        remittance=clear.remittance,
    )
