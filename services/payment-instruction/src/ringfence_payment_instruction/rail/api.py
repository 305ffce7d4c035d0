"""The bank's answers that people must look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing.writer import Unit
from ringfence_protos.payment_instruction.v1 import answers_pb2 as pb
from ringfence_protos.payment_instruction.v1.answers_pb2_grpc import AnswerServiceServicer

from ringfence_payment_instruction.rail.application.answering import Answering
from ringfence_payment_instruction.rail.application.working_off import Working, WorkingOff
from ringfence_payment_instruction.rail.domain.state import Outcome, Waiting

MAX_PAGE = 100
MAX_NOTE = 280
DIGEST_BYTES = 32
_OUTCOMES = {
    pb.ANSWER_OUTCOME_APPLIED: Outcome.APPLIED,
    pb.ANSWER_OUTCOME_DISMISSED: Outcome.DISMISSED,
}


@dataclass(frozen=True, slots=True)
class AnswersApi(AnswerServiceServicer):
    """Lists answers, and proposes what follows from them."""

    answering: Answering
    working_off: WorkingOff

    async def ListAnswerExceptions(
        self, request: pb.ListAnswerExceptionsRequest, context: Any
    ) -> pb.ListAnswerExceptionsResponse:
        """Returns a page of what waits."""
        most = bounds.page("page_size", request.page_size, default=MAX_PAGE, maximum=MAX_PAGE)
        question = Question(request)
        (after,) = question.place()

        def look(unit: Unit) -> list[Waiting]:
            return self.answering.state.after(after)[: most + 1]

        found = await self.answering.submissions.writer.commit(look)
        last = found[most - 1].position if len(found) > most else 0
        shown = [await self._shown(each) for each in found[:most]]
        return pb.ListAnswerExceptionsResponse(exceptions=shown, next_page_token=question.token(last))

    async def WorkOffAnswer(self, request: pb.WorkOffAnswerRequest, context: Any) -> pb.WorkOffAnswerResponse:
        """Proposes what follows from an answer."""
        exception = bounds.identifier("exception_id", request.exception_id)
        document, note = request.document_sha256, bounds.text("note", request.note, maximum=MAX_NOTE)
        bounds.size("document_sha256", len(document), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
        if request.outcome not in _OUTCOMES:
            raise InvalidArgument("outcome must be given", field="outcome")
        outcome = _OUTCOMES[request.outcome]
        if outcome is Outcome.APPLIED:
            tenant = bounds.identifier("tenant_id", request.tenant_id)
            instruction = bounds.identifier("instruction_id", request.instruction_id)
        else:
            tenant, instruction = b"", ZERO_ID
            bounds.size("tenant_id", len(request.tenant_id), maximum=0)
            bounds.size("instruction_id", len(request.instruction_id), maximum=0)
        working = Working(outcome, instruction, document, note)
        proposal = await self.working_off.propose(exception, tenant, working, current_caller())
        return pb.WorkOffAnswerResponse(proposal_id=proposal)

    async def _shown(self, waiting: Waiting) -> pb.AnswerException:
        event, words = waiting.event, await self.answering.words(waiting.event)
        return pb.AnswerException(
            exception_id=event.exception,
            misfit=event.misfit,  # type: ignore[arg-type]  # the numbers are the same
            fate=event.fate,  # type: ignore[arg-type]
            iso_reason_code=event.reason,
            amount_minor=event.amount_minor,
            currency=currency(event.ledger).alpha if event.ledger else "",
            taken_ns=waiting.taken_ns,
            file_sha256=event.digest,
            position=event.number,
            candidates=[
                pb.AnsweredPayment(tenant_id=tenant, instruction_id=instruction)
                for tenant, instruction in waiting.candidates()
            ],
            message_id=words.message_id,
            transaction_id=words.transaction_id,
            end_to_end_id=words.end_to_end_id,
            instruction_id=words.instruction_id,
            uetr=words.uetr,
            remark=words.remark,
        )
