"""Methods of TokenService about principals: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity import batches
from ringfence_identity.principals.application import PrincipalCommands
from ringfence_identity.principals.domain.principals import NewPrincipal
from ringfence_identity.principals.domain.roles import Kind

MAX_PRINCIPALS = 100


@dataclass(frozen=True, slots=True)
class PrincipalApi:
    """Serves principals."""

    principals: PrincipalCommands

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Any) -> pb.RotateKeyResponse:
        """Rotates the caller's assertion key."""
        ends_ns = await self.principals.rotate_key(
            current_caller().subject, request.public_key, request.overlap_seconds
        )
        return pb.RotateKeyResponse(older_keys_end_ns=ends_ns)

    async def RegisterPrincipals(
        self, request: pb.RegisterPrincipalsRequest, context: Any
    ) -> pb.RegisterPrincipalsResponse:
        """Registers principals."""
        bounds.size("principals", len(request.principals), maximum=MAX_PRINCIPALS)
        items = batches.read_each(request.principals, _new_principal)
        reasons = await self.principals.register(items, current_caller().subject)
        return pb.RegisterPrincipalsResponse(results=batches.results(reasons))

    async def ConfirmPrincipals(
        self, request: pb.ConfirmPrincipalsRequest, context: Any
    ) -> pb.ConfirmPrincipalsResponse:
        """Confirms principals."""
        bounds.size("principal_ids", len(request.principal_ids), maximum=MAX_PRINCIPALS)
        reasons = await self.principals.confirm(list(request.principal_ids), current_caller().subject)
        return pb.ConfirmPrincipalsResponse(results=batches.results(reasons))

    async def SuspendPrincipals(
        self, request: pb.SuspendPrincipalsRequest, context: Any
    ) -> pb.SuspendPrincipalsResponse:
        """Suspends principals."""
        bounds.size("principal_ids", len(request.principal_ids), maximum=MAX_PRINCIPALS)
        note = bounds.text("note", request.note, maximum=280)
        reasons = await self.principals.suspend(list(request.principal_ids), note, current_caller().subject)
        return pb.SuspendPrincipalsResponse(results=batches.results(reasons))


def _new_principal(message: pb.NewPrincipal) -> NewPrincipal:
    name = pb.PrincipalKind.Name(message.kind) if message.kind in pb.PrincipalKind.values() else ""
    kind = name.removeprefix("PRINCIPAL_KIND_")
    if kind not in Kind.__members__:
        raise InvalidArgument("kind is missing or unknown", field="kind")
    bounds.identifier("id", message.id)
    bounds.text("name", message.name, maximum=140)
    return NewPrincipal(message.id, Kind[kind], message.name, message.tenant_id, message.public_key)
