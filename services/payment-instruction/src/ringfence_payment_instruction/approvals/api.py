"""People's decisions on instructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.approvals.application import Decisions
from ringfence_payment_instruction.submissions.api import mapping
from ringfence_payment_instruction.submissions.domain.status import Directive

DIRECTIVES = {
    pb.DECISION_APPROVE: Directive.APPROVE,
    pb.DECISION_REJECT: Directive.REJECT,
    pb.DECISION_CANCEL: Directive.CANCEL,
}
MAX_NOTE = 280


@dataclass(frozen=True, slots=True)
class ApprovalsApi:
    """Approves, rejects and cancels."""

    decisions: Decisions

    async def CancelInstructions(
        self, request: pb.CancelInstructionsRequest, context: Any
    ) -> pb.CancelInstructionsResponse:
        """Withdraws what the caller has ordered."""
        ids = mapping.instruction_ids(request.instruction_ids)
        note = bounds.text("note", request.note, minimum=0, maximum=MAX_NOTE)
        views = await self.decisions.cancel(current_caller(), ids, note)
        return pb.CancelInstructionsResponse(states=mapping.states(views))

    async def DecideInstructions(
        self, request: pb.DecideInstructionsRequest, context: Any
    ) -> pb.DecideInstructionsResponse:
        """Approves, rejects or cancels."""
        tenant = mapping.tenant(request.tenant_id)
        if request.decision not in DIRECTIVES:
            raise InvalidArgument("decision must be given", field="decision")
        ids = mapping.instruction_ids(request.instruction_ids)
        note = bounds.text("note", request.note, minimum=0, maximum=MAX_NOTE)
        decider = current_caller()
        views = await self.decisions.decide(decider, tenant, ids, DIRECTIVES[request.decision], note)
        return pb.DecideInstructionsResponse(states=mapping.states(views))
