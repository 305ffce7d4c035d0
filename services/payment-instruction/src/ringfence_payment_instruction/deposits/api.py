"""Taking in what a bank says about its account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.deposits.application.receiving import EvidenceReceiving
from ringfence_payment_instruction.deposits.application.under_way import UnderWay

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_OWNERS = 100


@dataclass(frozen=True, slots=True)
class DepositsApi:
    """Takes in a bank's notifications, and tells what is under way."""

    receiving: EvidenceReceiving
    under_way: UnderWay

    async def CountOpenPayments(
        self, request: pb.CountOpenPaymentsRequest, context: Any
    ) -> pb.CountOpenPaymentsResponse:
        """Counts what clients have under way."""
        bounds.size("owner_ids", len(request.owner_ids), maximum=MAX_OWNERS)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        owners = [bounds.identifier("owner_ids", each) for each in request.owner_ids]
        return pb.CountOpenPaymentsResponse(open=await self.under_way.count(tenant, owners))

    async def SubmitEvidence(self, request: pb.SubmitEvidenceRequest, context: Any) -> pb.SubmitEvidenceResponse:
        """Takes in a camt.054."""
        bounds.size("content", len(request.content), minimum=1, maximum=MAX_FILE_BYTES)
        counts = await self.receiving.hand_in(current_caller(), request.content)
        return pb.SubmitEvidenceResponse(
            credited=counts.credited,
            suspended=counts.suspended,
            duplicates=counts.duplicates,
            confirmed=counts.confirmed,
        )
