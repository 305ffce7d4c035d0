"""Methods of TokenService about principals: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity import batches
from ringfence_identity.principals.application.commands import PrincipalCommands
from ringfence_identity.principals.application.granting import GrantCommands, NewJurisdiction, PrincipalGrant
from ringfence_identity.principals.domain.grants import NewGrant
from ringfence_identity.principals.domain.principals import NewPin, NewPrincipal
from ringfence_identity.principals.domain.roles import Kind

MAX_PRINCIPALS = 100
MAX_TIME_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PrincipalApi:
    """Serves principals."""

    principals: PrincipalCommands
    grants: GrantCommands

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Any) -> pb.RotateKeyResponse:
        """Rotates the caller's assertion key."""
        ends_ns = await self.principals.rotate_key(current_caller(), request.public_key, request.overlap_seconds)
        return pb.RotateKeyResponse(older_keys_end_ns=ends_ns)

    async def RegisterPrincipals(
        self, request: pb.RegisterPrincipalsRequest, context: Any
    ) -> pb.RegisterPrincipalsResponse:
        """Registers principals."""
        bounds.size("principals", len(request.principals), maximum=MAX_PRINCIPALS)
        items = await batches.prepare_each(request.principals, _new_principal)
        found = await self.principals.register(items, current_caller())
        return pb.RegisterPrincipalsResponse(results=batches.answers(found))

    async def ConfirmPrincipals(
        self, request: pb.ConfirmPrincipalsRequest, context: Any
    ) -> pb.ConfirmPrincipalsResponse:
        """Confirms principals."""
        bounds.size("principal_ids", len(request.principal_ids), maximum=MAX_PRINCIPALS)
        found = await self.principals.confirm(list(request.principal_ids), current_caller())
        return pb.ConfirmPrincipalsResponse(results=batches.answers(found))

    async def RenewGrants(self, request: pb.RenewGrantsRequest, context: Any) -> pb.RenewGrantsResponse:
        """Lets people's roles last longer."""
        bounds.size("principal_ids", len(request.principal_ids), maximum=MAX_PRINCIPALS)
        until_ns = bounds.number("until_ns", request.until_ns, minimum=1, maximum=MAX_TIME_NS)
        found = await self.principals.renew(list(request.principal_ids), until_ns, current_caller())
        return pb.RenewGrantsResponse(results=batches.answers(found))

    async def PinCertificates(self, request: pb.PinCertificatesRequest, context: Any) -> pb.PinCertificatesResponse:
        """Has principals present other certificates."""
        bounds.size("pins", len(request.pins), maximum=MAX_PRINCIPALS)
        found = await self.principals.pin(await batches.prepare_each(request.pins, _new_pin), current_caller())
        return pb.PinCertificatesResponse(results=batches.answers(found))

    async def GrantAccess(self, request: pb.GrantAccessRequest, context: Any) -> pb.GrantAccessResponse:
        """Lets people read."""
        bounds.size("grants", len(request.grants), maximum=MAX_PRINCIPALS)
        found = await self.grants.grant(await batches.prepare_each(request.grants, _new_reader), current_caller())
        return pb.GrantAccessResponse(results=batches.answers(found))

    async def StateJurisdictions(
        self, request: pb.StateJurisdictionsRequest, context: Any
    ) -> pb.StateJurisdictionsResponse:
        """States platforms' countries."""
        bounds.size("platforms", len(request.platforms), maximum=MAX_PRINCIPALS)
        items = await batches.prepare_each(request.platforms, _new_jurisdiction)
        found = await self.grants.state_jurisdictions(items, current_caller())
        return pb.StateJurisdictionsResponse(results=batches.answers(found))

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
    return NewPrincipal(
        message.id,
        Kind[kind],
        message.name,
        message.tenant_id,
        message.public_key,
        message.person_id,
        bounds.number("until_ns", message.until_ns, minimum=0, maximum=MAX_TIME_NS),
        message.certificate_sha256,
        _new_grant(message.grant) if message.HasField("grant") else None,
    )


def _new_grant(message: pb.AccessGrant) -> NewGrant:
    bounds.text("case_reference", message.case_reference, maximum=140)
    return NewGrant(
        tuple(sorted(message.tenant_ids)),
        tuple(sorted(message.jurisdictions)),
        bounds.number("from_ns", message.from_ns, minimum=0, maximum=MAX_TIME_NS),
        bounds.number("until_ns", message.until_ns, minimum=0, maximum=MAX_TIME_NS),
        message.case_reference,
    )


def _new_reader(message: pb.AccessGrant) -> PrincipalGrant:
    return PrincipalGrant(bounds.identifier("principal_id", message.principal_id), _new_grant(message))


def _new_jurisdiction(message: pb.PlatformJurisdiction) -> NewJurisdiction:
    return NewJurisdiction(bounds.identifier("tenant_id", message.tenant_id), message.jurisdiction)


def _new_pin(message: pb.CertificatePin) -> NewPin:
    principal = bounds.identifier("principal_id", message.principal_id)
    return NewPin(principal, message.certificate_sha256, message.public_key)
