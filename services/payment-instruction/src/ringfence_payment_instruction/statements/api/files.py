"""Taking in what banks tell of their accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.statements.application.receiving import StatementReceiving

MAX_FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StatementsApi:
    """Takes in whole files."""

    receiving: StatementReceiving

    async def SubmitEvidence(self, request: pb.SubmitEvidenceRequest, context: Any) -> pb.SubmitEvidenceResponse:
        """Takes in a file of a bank about its accounts."""
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        counts = await self.receiving.hand_in(current_caller(), request.content)
        return pb.SubmitEvidenceResponse(
            credited=counts.credited,
            suspended=counts.suspended,
            duplicates=counts.duplicates,
            confirmed=counts.confirmed,
        )
