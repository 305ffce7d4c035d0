"""Blocking of listed clients by identity."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError, hinted, peer_refused
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import PartyServiceStub

from ringfence_payment_instruction.screening.domain.clients import Client
from ringfence_payment_instruction.screening.domain.errors import ClientNotBlocked
from ringfence_payment_instruction.submissions.domain.errors import IdentityUnavailable

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class IdentityParties:
    """The Blocking port over a Peer."""

    peer: Peer

    async def block(self, client: Client, evidence: bytes) -> None:
        """Has a client blocked; raises IdentityUnavailable, ClientNotBlocked."""
        blocks = [
            pb.PartyBlock(
                tenant_id=client.tenant,
                party_id=client.party,
                list_reference=entry.reference,
                entry_sha256=entry.entry_sha256,
                evidence_sha256=evidence,
            )
            for entry in client.entries
        ]
        request = pb.BlockPartiesRequest(blocks=blocks)
        try:
            reply = await self.peer.call(
                PartyServiceStub, "BlockParties", request, timeout=TIMEOUT_SECONDS, idempotent=True
            )
        except RemoteError as error:
            if error.is_lasting:
                raise peer_refused("identity", error) from error
            raise hinted(IdentityUnavailable(), error) from error
        refused = sorted({each.reason for each in reply.results if each.reason})
        if refused:
            raise ClientNotBlocked(because=", ".join(refused))
