"""ClosingService: map, call one command, map back."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_protos.custody.v1 import closings_pb2 as pb
from ringfence_protos.custody.v1 import closings_pb2_grpc

from ringfence_custody.closings.application.closing import Closing

MAX_LEDGER = 999


class ClosingServicer(closings_pb2_grpc.ClosingServiceServicer):
    """Closings over gRPC, for audit alone."""

    def __init__(self, closing: Closing) -> None:
        """Serves this."""
        self._closing = closing

    async def CloseBooks(self, request: pb.CloseBooksRequest, context: Any) -> pb.CloseBooksResponse:
        """Closes books; see the proto. Raises BooksUnknown."""
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        ledger = bounds.number("ledger", request.ledger, minimum=1, maximum=MAX_LEDGER)
        demand = bounds.identifier("demand_id", request.demand_id)
        return pb.CloseBooksResponse(position=await self._closing.demand(tenant, ledger, demand))
