"""Reading instructions: by id, by page, and as a stream of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.reads.application.queries import InstructionView, Queries, Selection
from ringfence_payment_instruction.submissions.api import mapping

MAX_POSITION = MAX_TIME_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ReadsApi:
    """Shows instructions."""

    queries: Queries

    async def GetInstructions(self, request: pb.GetInstructionsRequest, context: Any) -> pb.GetInstructionsResponse:
        """Returns instructions by id."""
        tenant = mapping.tenant(request.tenant_id)
        views = await self.queries.get(tenant, mapping.instruction_ids(request.instruction_ids))
        return pb.GetInstructionsResponse(instructions=map(instruction, views))

    async def ListInstructions(self, request: pb.ListInstructionsRequest, context: Any) -> pb.ListInstructionsResponse:
        """Returns a page of instructions."""
        tenant = mapping.tenant(request.tenant_id)
        question = Question(request, integers=2, tenant_id=tenant)
        position, index = question.place()
        views, after = await self.queries.page(
            tenant,
            selection(request),
            size=bounds.page("page_size", request.page_size, default=100, maximum=1_000),
            after=(position, index) if position else None,
        )
        return pb.ListInstructionsResponse(
            instructions=map(instruction, views), next_page_token=question.token(*after) if after else ""
        )

    async def WatchInstructions(
        self, request: pb.WatchInstructionsRequest, context: Any
    ) -> AsyncIterator[pb.WatchInstructionsResponse]:
        """Streams the states that the tenant's instructions reach."""
        tenant = mapping.tenant(b"")
        after = bounds.number("after_position", request.after_position, minimum=0, maximum=MAX_POSITION)
        submission_id = bounds.optional_identifier("submission_id", request.submission_id)
        async for change in self.queries.watch(tenant, after, submission_id):
            yield pb.WatchInstructionsResponse(position=change.position, states=mapping.states(change.states))


def selection(request: pb.ListInstructionsRequest) -> Selection:
    """Returns what a list is asked for; raises InvalidArgument."""
    return Selection(
        status=bounds.number("status", request.status, minimum=0, maximum=max(pb.InstructionStatus.values())),
        submission_id=bounds.optional_identifier("submission_id", request.submission_id),
        newest_first=request.newest_first,
        from_ns=bounds.number("from_ns", request.from_ns, minimum=0, maximum=MAX_TIME_NS),
        until_ns=bounds.number("until_ns", request.until_ns, minimum=0, maximum=MAX_TIME_NS),
    )


def instruction(view: InstructionView) -> pb.Instruction:
    """Returns an instruction as read."""
    return pb.Instruction(
        order=pb.NewInstruction(
            id=view.state.instruction_id,
            end_to_end_id=view.end_to_end_id,
            debtor_iban=view.clear.debtor_iban,
            creditor_iban=view.clear.creditor_iban,
            creditor_name=view.clear.creditor_name,
            amount_minor=view.amount_minor,
            currency=view.currency,
            remittance=view.clear.remittance,
            instruction_identification=view.instruction_identification,
        ),
        state=mapping.state(view.state),
        submission_id=view.submission_id,
        transfer_id=view.transfer_id,
        received_ns=view.received_ns,
        changed_ns=view.changed_ns,
        maker_id=view.maker,
        approver_id=view.approver,
        uetr=view.uetr,
        debtor_account_id=view.debtor_account,
        creditor_account_id=view.creditor_account,
        carried=[
            pb.CarriedElement(path=path, text=text)
            for path, text in (*view.clear.debtor_carried, *view.clear.creditor_carried)
        ],
    )
