"""Methods of PartyService about aliases: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity import batches
from ringfence_identity.aliases.application.commands import AliasCommands, AliasRequest
from ringfence_identity.aliases.application.ibans import compact_iban
from ringfence_identity.aliases.domain.state import Alias
from ringfence_identity.principals.queries import Actor

MAX_ALIASES = 1_000
MAX_IBANS = 10_000


@dataclass(frozen=True, slots=True)
class AliasApi:
    """Serves aliases."""

    aliases: AliasCommands

    async def RegisterAliases(self, request: pb.RegisterAliasesRequest, context: Any) -> pb.RegisterAliasesResponse:
        """Registers aliases."""
        bounds.size("aliases", len(request.aliases), maximum=MAX_ALIASES)
        caller = current_caller()
        tenant = bounds.identifier("tenant_id", request.tenant_id or caller.tenant or b"")
        items = batches.read_each(request.aliases, lambda each: _alias_request(each, tenant))
        reasons = await self.aliases.register(tenant, items, Actor(caller.subject, caller.tenant))
        return pb.RegisterAliasesResponse(results=batches.results(reasons))

    async def ResolveAliases(self, request: pb.ResolveAliasesRequest, context: Any) -> pb.ResolveAliasesResponse:
        """Tells what IBANs stand for."""
        bounds.size("ibans", len(request.ibans), maximum=MAX_IBANS)
        found = await self.aliases.resolve(list(request.ibans))
        return pb.ResolveAliasesResponse(aliases=[_resolved_alias(each) for each in found])


def _alias_request(message: pb.Alias, tenant: bytes) -> AliasRequest:
    """Reads an alias; a bank mirror, having no owner, belongs to the tenant."""
    bounds.identifier("account_id", message.account_id)
    owner = b"" if message.owner_id == ZERO_ID else message.owner_id
    if message.bank_mirror == bool(owner):
        raise InvalidArgument("owner_id names the owner, or is zero for a bank mirror", field="owner_id")
    owner = bounds.identifier("owner_id", owner or tenant)
    return AliasRequest(
        compact_iban(message.iban), message.account_id, owner, message.bank_mirror, message.bank_feed_id
    )


def _resolved_alias(alias: Alias | None) -> pb.ResolvedAlias:
    if alias is None:
        return pb.ResolvedAlias()
    return pb.ResolvedAlias(
        found=True,
        tenant_id=alias.tenant,
        account_id=alias.account,
        owner_id=ZERO_ID if alias.bank_mirror else alias.owner,
        bank_mirror=alias.bank_mirror,
        bank_feed_id=alias.bank_feed,
    )
