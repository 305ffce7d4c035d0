"""PartyService: each method maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import current_caller
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import PartyServiceServicer

from ringfence_identity.aliases.application import AliasCommands
from ringfence_identity.api import mapping
from ringfence_identity.data_keys.application import DataKeyQueries
from ringfence_identity.parties.application.commands import PartyCommands

MAX_PARTIES = 1_000
MAX_ERASURES = 100
MAX_ALIASES = 1_000
MAX_IBANS = 10_000
MAX_SUBJECTS = 1_000


@dataclass(frozen=True, slots=True)
class PartyServicer(PartyServiceServicer):
    """Serves parties, aliases and data keys."""

    parties: PartyCommands
    aliases: AliasCommands
    data_keys: DataKeyQueries

    async def RegisterParties(self, request: pb.RegisterPartiesRequest, context: Any) -> pb.RegisterPartiesResponse:
        """Registers parties of the caller's tenant."""
        bounds.size("parties", len(request.parties), maximum=MAX_PARTIES)
        items = mapping.each_item(request.parties, mapping.registration)
        reasons = await self.parties.register(items, mapping.actor(current_caller()))
        return pb.RegisterPartiesResponse(results=mapping.results(reasons))

    async def GetParties(self, request: pb.GetPartiesRequest, context: Any) -> pb.GetPartiesResponse:
        """Returns parties by id; those of another tenant are left out like unknown ones."""
        bounds.size("party_ids", len(request.party_ids), maximum=MAX_PARTIES)
        caller = current_caller()
        tenant = mapping.tenant_asked(caller, request.tenant_id)
        if caller.tenant not in (None, tenant):
            return pb.GetPartiesResponse()
        found = await self.parties.get(tenant, list(request.party_ids))
        return pb.GetPartiesResponse(parties=[mapping.party_message(each) for each in found])

    async def DecideKyc(self, request: pb.DecideKycRequest, context: Any) -> pb.DecideKycResponse:
        """Moves parties through KYC."""
        bounds.size("decisions", len(request.decisions), maximum=MAX_PARTIES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        items = mapping.each_item(request.decisions, lambda each: mapping.kyc_decision(each, tenant))
        reasons = await self.parties.decide_kyc(items, current_caller().subject)
        return pb.DecideKycResponse(results=mapping.results(reasons))

    async def EraseParties(self, request: pb.ErasePartiesRequest, context: Any) -> pb.ErasePartiesResponse:
        """Erases parties."""
        bounds.size("party_ids", len(request.party_ids), maximum=MAX_ERASURES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        reasons = await self.parties.erase(tenant, list(request.party_ids), current_caller().subject)
        return pb.ErasePartiesResponse(results=mapping.results(reasons))

    async def RegisterAliases(self, request: pb.RegisterAliasesRequest, context: Any) -> pb.RegisterAliasesResponse:
        """Registers aliases."""
        bounds.size("aliases", len(request.aliases), maximum=MAX_ALIASES)
        caller = current_caller()
        tenant = mapping.tenant_asked(caller, request.tenant_id)
        items = mapping.each_item(request.aliases, lambda each: mapping.alias_request(each, tenant))
        reasons = await self.aliases.register(tenant, items, mapping.actor(caller))
        return pb.RegisterAliasesResponse(results=mapping.results(reasons))

    async def ResolveAliases(self, request: pb.ResolveAliasesRequest, context: Any) -> pb.ResolveAliasesResponse:
        """Tells what IBANs stand for."""
        bounds.size("ibans", len(request.ibans), maximum=MAX_IBANS)
        found = await self.aliases.resolve(list(request.ibans))
        return pb.ResolveAliasesResponse(aliases=[mapping.resolved_alias(each) for each in found])

    async def FetchDataKeys(self, request: pb.FetchDataKeysRequest, context: Any) -> pb.FetchDataKeysResponse:
        """Returns data keys to a workload."""
        bounds.size("subject_ids", len(request.subject_ids), maximum=MAX_SUBJECTS)
        subjects = [bounds.identifier("subject_ids", each) for each in request.subject_ids]
        keys, blind_key = await self.data_keys.fetch(subjects, create=request.create)
        return pb.FetchDataKeysResponse(keys=[mapping.data_key(key) for key in keys], blind_index_key=blind_key)
