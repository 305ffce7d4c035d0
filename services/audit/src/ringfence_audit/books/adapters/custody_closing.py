"""Custody's ClosingService over gRPC."""

from __future__ import annotations

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_protos.custody.v1 import closings_pb2
from ringfence_protos.custody.v1.closings_pb2_grpc import ClosingServiceStub

from ringfence_audit.books.domain.errors import BooksUnknown, CustodyAway

TIMEOUT_SECONDS = 10.0


class CustodyClosing:
    """Asks custody by audit's workload certificate."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def close(self, tenant: bytes, ledger: int, demand: bytes) -> int:
        """Has custody close books; raises BooksUnknown, CustodyAway."""
        request = closings_pb2.CloseBooksRequest(tenant_id=tenant, ledger=ledger, demand_id=demand)
        try:
            reply = await self._peer.call(
                ClosingServiceStub, "CloseBooks", request, timeout=TIMEOUT_SECONDS, idempotent=True
            )
        except RemoteError as error:
            if error.reason == BooksUnknown.reason:
                raise BooksUnknown from None
            raise CustodyAway(f"{error.code} {error.reason}") from error
        return int(reply.position)
