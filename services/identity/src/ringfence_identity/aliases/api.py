"""Methods of PartyService about aliases: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity import batches
from ringfence_identity.aliases.application.changing import AliasChanging, ChangeRequest
from ringfence_identity.aliases.application.commands import AliasCommands, AliasRequest, Resolved
from ringfence_identity.aliases.application.confirming import AliasConfirming, Evidence
from ringfence_identity.aliases.application.ibans import compact_iban
from ringfence_identity.aliases.domain.aliases import Action

MAX_ALIASES = 1_000
MAX_IBANS = 10_000
MAX_NAME = 140
DIGEST_BYTES = 32
_ACTIONS = {pb.AliasAction.Value(f"ALIAS_ACTION_{action}"): action for action in Action}


@dataclass(frozen=True, slots=True)
class AliasApi:
    """Serves aliases."""

    aliases: AliasCommands
    confirming: AliasConfirming
    changing: AliasChanging

    async def RegisterAliases(self, request: pb.RegisterAliasesRequest, context: Any) -> pb.RegisterAliasesResponse:
        """Claims IBANs, and proposes bank mirrors."""
        bounds.size("aliases", len(request.aliases), maximum=MAX_ALIASES)
        caller = current_caller()
        tenant = bounds.identifier("tenant_id", request.tenant_id or caller.tenant or b"")
        items = await batches.prepare_each(request.aliases, lambda each: _alias_request(each, tenant))
        registered = await self.aliases.register(tenant, items, caller)
        answers = batches.waiting_together(registered.reasons, registered.proposal)
        return pb.RegisterAliasesResponse(results=batches.answers(answers))

    async def ConfirmAliases(self, request: pb.ConfirmAliasesRequest, context: Any) -> pb.ConfirmAliasesResponse:
        """Confirms claims that a bank's own message names."""
        bounds.size("evidence", len(request.evidence), maximum=MAX_ALIASES)
        found = await self.confirming.confirm(await batches.prepare_each(request.evidence, _evidence))
        return pb.ConfirmAliasesResponse(
            results=batches.results(each.reason for each in found),
            aliases=[_resolved_alias(Resolved(each.alias)) for each in found],
        )

    async def ChangeAliases(self, request: pb.ChangeAliasesRequest, context: Any) -> pb.ChangeAliasesResponse:
        """Proposes what two people do with IBANs."""
        bounds.size("changes", len(request.changes), maximum=MAX_ALIASES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        if request.action not in _ACTIONS:
            raise InvalidArgument("action is missing or unknown", field="action")
        bounds.size("document_sha256", len(request.document_sha256), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
        items = await batches.prepare_each(request.changes, lambda each: _change(each, tenant))
        reasons, proposal = await self.changing.propose(
            tenant, _ACTIONS[request.action], items, request.document_sha256, current_caller()
        )
        return pb.ChangeAliasesResponse(results=batches.answers(batches.waiting_together(reasons, proposal)))

    async def ResolveAliases(self, request: pb.ResolveAliasesRequest, context: Any) -> pb.ResolveAliasesResponse:
        """Tells what IBANs stand for."""
        bounds.size("ibans", len(request.ibans), maximum=MAX_IBANS)
        found = await self.aliases.resolve(list(request.ibans))
        return pb.ResolveAliasesResponse(aliases=[_resolved_alias(each) for each in found])


def _alias_request(message: pb.Alias, tenant: bytes) -> AliasRequest:
    """Reads an alias; without an owner it belongs to the tenant itself."""
    bounds.identifier("account_id", message.account_id)
    owner = b"" if message.owner_id == ZERO_ID else message.owner_id
    if message.bank_mirror and owner:
        raise InvalidArgument("owner_id is zero for a bank mirror", field="owner_id")
    owner = bounds.identifier("owner_id", owner or tenant)
    return AliasRequest(
        compact_iban(message.iban), message.account_id, owner, message.bank_mirror, message.bank_feed_id
    )


def _evidence(message: pb.AliasEvidence) -> Evidence:
    bounds.size("evidence_sha256", len(message.evidence_sha256), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
    return Evidence(
        bounds.identifier("tenant_id", message.tenant_id),
        bounds.identifier("bank_feed_id", message.bank_feed_id),
        compact_iban(message.iban),
        bounds.text("holder_name", message.holder_name, maximum=MAX_NAME),
        message.evidence_sha256,
    )


def _change(message: pb.AliasChange, tenant: bytes) -> ChangeRequest:
    owner = b"" if message.owner_id == ZERO_ID else message.owner_id
    return ChangeRequest(compact_iban(message.iban), bounds.identifier("owner_id", owner or tenant))


def _resolved_alias(resolved: Resolved) -> pb.ResolvedAlias:
    alias = resolved.alias
    if alias is None:
        return pb.ResolvedAlias(erased=bool(resolved.erased_of), tenant_id=resolved.erased_of)
    return pb.ResolvedAlias(
        found=True,
        tenant_id=alias.tenant,
        account_id=alias.account,
        owner_id=ZERO_ID if alias.bank_mirror else alias.owner,
        bank_mirror=alias.bank_mirror,
        bank_feed_id=alias.bank_feed,
    )
