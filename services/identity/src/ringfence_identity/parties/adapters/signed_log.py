"""The audit log over gRPC, as erasures ask it: by this service's own certificate."""

import asyncio
from dataclasses import dataclass

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.store import EventStore
from ringfence_kernel.telemetry import logs
from ringfence_protos.audit.v1.taken_over_pb2 import GetTakenOverRequest, GetTakenOverResponse
from ringfence_protos.audit.v1.taken_over_pb2_grpc import TakenOverServiceStub

_LOG = logs.get(__name__)
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SignedLog:
    """An AuditLog over a Peer, which is believed only where it has this store's own history."""

    audit: Peer
    store: EventStore

    async def has(self, position: int, warned: set[str]) -> bool:
        """Tells whether the log has signed this feed up to there; raises StoreUnavailable.

        Why it cannot tell is logged once for all looks that share `warned`.
        """
        try:
            said = await self.audit.call(
                TakenOverServiceStub, "GetTakenOver", GetTakenOverRequest(), timeout=TIMEOUT_SECONDS, idempotent=True
            )
        except RemoteError as error:
            if (why := str(error)) not in warned:
                warned.add(why)
                _LOG.warning("log_not_asked", code=error.code, reason=error.reason)
            return False
        return bool(said.position >= position) and await asyncio.to_thread(self._is_own, said)

    def _is_own(self, said: GetTakenOverResponse) -> bool:
        """A database that was restored may have come as far again with another history."""
        if said.epoch != self.store.head().epoch:
            return False
        return [each.hash for each in self.store.read(said.position - 1, 1)] == [said.hash]
