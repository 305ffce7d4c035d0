"""Taking in batches and files: checks bounds, maps, calls one handler, maps back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.submissions.api import mapping
from ringfence_payment_instruction.submissions.application.files import FileReceiving
from ringfence_payment_instruction.submissions.application.receiving import Receiving
from ringfence_payment_instruction.submissions.domain.submission import MAX_INSTRUCTIONS

MAX_FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SubmissionsApi:
    """Takes in what a platform orders."""

    receiving: Receiving
    files: FileReceiving

    async def SubmitInstructions(
        self, request: pb.SubmitInstructionsRequest, context: Any
    ) -> pb.SubmitInstructionsResponse:
        """Takes in a batch."""
        submission_id = bounds.identifier("submission_id", request.submission_id)
        bounds.size("instructions", len(request.instructions), minimum=1, maximum=MAX_INSTRUCTIONS)
        orders = [mapping.order(each) for each in request.instructions]
        views = await self.receiving.submit_batch(current_caller(), submission_id, orders)
        return pb.SubmitInstructionsResponse(states=mapping.states(views))

    async def SubmitFile(self, request: pb.SubmitFileRequest, context: Any) -> pb.SubmitFileResponse:
        """Takes in a pain.001."""
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        answer = await self.files.submit_file(current_caller(), request.content)
        return pb.SubmitFileResponse(
            status_report=answer.status_report,
            submission_id=answer.submission_id,
            instruction_ids=answer.instruction_ids,
        )
