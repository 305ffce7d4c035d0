"""Who payers are, by identity."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError, hinted, peer_refused
from ringfence_kernel.values.addresses import ELEMENTS, PostalAddress
from ringfence_protos.common.v1 import postal_address_pb2 as address_pb
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import PartyServiceStub

from ringfence_payment_instruction.rail.application.ports import Payer
from ringfence_payment_instruction.submissions.domain.errors import IdentityUnavailable

MAX_PARTIES = 1_000
TIMEOUT_SECONDS = 5.0
# ExternalOrganisationIdentification1Code and ExternalPersonIdentification1Code: a customer's number with the custodian,
# what a country knows a company by, and a person.
OF_CUSTOMER, OF_COMPANY, OF_PERSON = "CUST", "COID", "NIDN"


@dataclass(frozen=True, slots=True)
class IdentityPayers:
    """The Payers port over a Peer."""

    peer: Peer

    async def registered(self, tenant: bytes, owners: Collection[bytes]) -> dict[bytes, Payer]:
        """Returns the owners of accounts of a tenant that are not erased; raises IdentityUnavailable."""
        wanted = sorted(owners)
        found: dict[bytes, Payer] = {}
        for first in range(0, len(wanted), MAX_PARTIES):
            part = wanted[first : first + MAX_PARTIES]
            keys = [pb.PartyKey(tenant_id=tenant, party_id=each) for each in part]
            reply = await self._read(pb.ReadPartiesRequest(parties=keys))
            named = zip(part, reply.parties, strict=True)
            found |= {each: _payer(tenant, each, party) for each, party in named if party.personal_data.name}
        return found

    async def _read(self, request: pb.ReadPartiesRequest) -> pb.ReadPartiesResponse:
        try:
            reply: pb.ReadPartiesResponse = await self.peer.call(
                PartyServiceStub, "ReadParties", request, timeout=TIMEOUT_SECONDS, idempotent=True
            )
        except RemoteError as error:
            if error.is_lasting:
                raise peer_refused("identity", error) from error
            raise hinted(IdentityUnavailable(), error) from error
        return reply


def _payer(tenant: bytes, owner: bytes, party: pb.Party) -> Payer:
    data = party.personal_data
    if owner == tenant:
        return Payer(data.name, identification=tenant.hex(), scheme=OF_CUSTOMER, is_company=True)
    is_company = party.kind == pb.PARTY_KIND_COMPANY
    return Payer(
        name=data.name,
        address=data.address,
        postal_address=_address(data.postal_address),
        identification=data.identity_number,
        scheme=OF_COMPANY if is_company else OF_PERSON,
        issuer=data.country,
        is_company=is_company,
    )


def _address(message: address_pb.PostalAddress) -> PostalAddress:
    texts = {name: getattr(message, name) for name in ELEMENTS}
    return PostalAddress(**texts, address_lines=tuple(message.address_lines))
