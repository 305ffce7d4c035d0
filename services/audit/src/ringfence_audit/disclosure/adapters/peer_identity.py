"""Identity over gRPC, by audit's own certificate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import PeerUnavailable, RemoteError, hinted, peer_refused
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import PartyServiceStub

from ringfence_audit.disclosure.application.ports import By, FoundParties, FoundParty, Opened
from ringfence_audit.disclosure.domain.errors import SoughtInvalid
from ringfence_audit.disclosure.domain.sealed import Sealed

TIMEOUT_SECONDS = 8.0
OF_WHAT_IS_SOUGHT = frozenset({"INVALID_ARGUMENT", "NOTHING_SOUGHT", "IBAN_INVALID"})
_FOUND_BY = {
    pb.FOUND_BY_NAME: "name",
    pb.FOUND_BY_OWNERS_NAME: "owner.name",
    pb.FOUND_BY_IDENTITY_NUMBER: "identity_number",
    pb.FOUND_BY_OWNERS_IDENTITY_NUMBER: "owner.identity_number",
    pb.FOUND_BY_IBAN: "iban",
    pb.FOUND_BY_CLAIM: "claim",
    pb.FOUND_BY_BANK_MIRROR: "bank_mirror",
}


class PeerIdentity:
    """An Identity over a Peer."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def find(self, by: By, sought: str, tenants: Collection[bytes], after: bytes, page_size: int) -> FoundParties:
        """Finds parties; raises SoughtInvalid, PeerUnavailable, PeerRefused."""
        request = pb.FindPartiesRequest(tenant_ids=sorted(tenants), page_size=page_size, after_subject_id=after)
        setattr(request, by.value, sought)
        reply = await self._call("FindParties", request)
        found = [
            FoundParty(
                each.tenant_id,
                each.party_id,
                each.subject_id,
                each.account_id,
                _FOUND_BY.get(each.found_by, ""),
                each.erased,
            )
            for each in reply.found
        ]
        return FoundParties(found, reply.next_subject_id, reply.marked_position, reply.head_position)

    async def open(self, fields: Sequence[Sealed]) -> list[Opened]:
        """Opens sealed fields; raises PeerUnavailable, PeerRefused."""
        asked = [
            pb.SealedField(
                subject_id=each.subject,
                stream_id=each.stream,
                version=each.version,
                field=each.within,
                sealed=each.envelope,
            )
            for each in fields
        ]
        reply = await self._call("Disclose", pb.DiscloseRequest(fields=asked))
        return [Opened(each.content, each.reason) for each in reply.fields]

    async def _call(self, method: str, request: object) -> Any:
        try:
            return await self._peer.call(PartyServiceStub, method, request, timeout=TIMEOUT_SECONDS, idempotent=True)
        except RemoteError as error:
            if error.reason in OF_WHAT_IS_SOUGHT:
                raise SoughtInvalid(field="sought", peer_reason=error.reason) from error
            if error.is_lasting:
                raise peer_refused("identity", error) from error
            raise hinted(PeerUnavailable(), error) from error
