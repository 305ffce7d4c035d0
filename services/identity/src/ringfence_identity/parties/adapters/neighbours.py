"""Custody and payment-instruction over gRPC, as erasures ask them: by this service's own certificate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import PeerUnavailable, RemoteError, hinted, peer_refused
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.custody.v1.custody_pb2_grpc import CustodyServiceStub
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2
from ringfence_protos.payment_instruction.v1.payment_instruction_pb2_grpc import PaymentInstructionServiceStub

from ringfence_identity.parties.domain.erasing import Looked

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PeerNeighbours:
    """A Neighbours over two Peers."""

    custody: Peer
    payment_instruction: Peer

    async def look(self, tenant: bytes, parties: Mapping[bytes, bytes], at_ns: int) -> dict[bytes, Looked]:
        """Returns what each subject has, whose accounts name the party's id; raises PeerUnavailable, PeerRefused."""
        subjects = list(parties)
        owned = custody_pb2.LookUpOwnersRequest(book_id=tenant, owner_ids=[parties[each] for each in subjects])
        holdings = await _call("custody", self.custody, CustodyServiceStub, "LookUpOwners", owned)
        counted = payment_instruction_pb2.CountOpenPaymentsRequest(tenant_id=tenant, owner_ids=subjects)
        payments = await _call(
            "payment-instruction",
            self.payment_instruction,
            PaymentInstructionServiceStub,
            "CountOpenPayments",
            counted,
        )
        return {
            subject: Looked(
                at_ns,
                accounts=has.accounts,
                with_balance=has.with_balance,
                with_pending=has.with_pending,
                held=has.held,
                open_payments=count,
                last_movement_ns=has.last_movement_ns,
            )
            for subject, has, count in zip(subjects, holdings.holdings, payments.open, strict=True)
        }


async def _call(name: str, peer: Peer, stub: type, method: str, request: Any) -> Any:
    try:
        return await peer.call(stub, method, request, timeout=TIMEOUT_SECONDS, idempotent=True)
    except RemoteError as error:
        if error.is_lasting:
            raise peer_refused(name, error) from error
        raise hinted(PeerUnavailable(), error) from error
