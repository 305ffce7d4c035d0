"""Methods of PartyService about parties: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity import batches
from ringfence_identity.parties.application.commands import PartyCommands, ReadParty, Registration
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.domain.kyc import KycState, PartyKind
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.principals.queries import Actor

MAX_PARTIES = 1_000
MAX_ERASURES = 100

_PARTY_KINDS = {pb.PartyKind.Value(f"PARTY_KIND_{kind}"): kind for kind in PartyKind}
_KYC_STATES = {pb.KycStatus.Value(f"KYC_STATUS_{state}"): state for state in KycState}


@dataclass(frozen=True, slots=True)
class PartyApi:
    """Serves parties."""

    parties: PartyCommands

    async def RegisterParties(self, request: pb.RegisterPartiesRequest, context: Any) -> pb.RegisterPartiesResponse:
        """Registers parties of the caller's tenant."""
        bounds.size("parties", len(request.parties), maximum=MAX_PARTIES)
        items = batches.read_each(request.parties, _registration)
        caller = current_caller()
        reasons = await self.parties.register(items, Actor(caller.subject, caller.tenant))
        return pb.RegisterPartiesResponse(results=batches.results(reasons))

    async def GetParties(self, request: pb.GetPartiesRequest, context: Any) -> pb.GetPartiesResponse:
        """Returns parties by id; those of another tenant are left out like unknown ones."""
        bounds.size("party_ids", len(request.party_ids), maximum=MAX_PARTIES)
        caller = current_caller()
        tenant = bounds.identifier("tenant_id", request.tenant_id or caller.tenant or b"")
        if caller.tenant not in (None, tenant):
            return pb.GetPartiesResponse()
        found = await self.parties.get(tenant, list(request.party_ids))
        return pb.GetPartiesResponse(parties=[_party_message(each) for each in found])

    async def DecideKyc(self, request: pb.DecideKycRequest, context: Any) -> pb.DecideKycResponse:
        """Moves parties through KYC."""
        bounds.size("decisions", len(request.decisions), maximum=MAX_PARTIES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        items = batches.read_each(request.decisions, lambda each: _kyc_decision(each, tenant))
        found = await self.parties.decide_kyc(items, current_caller())
        return pb.DecideKycResponse(results=batches.answers(found))

    async def EraseParties(self, request: pb.ErasePartiesRequest, context: Any) -> pb.ErasePartiesResponse:
        """Erases parties."""
        bounds.size("party_ids", len(request.party_ids), maximum=MAX_ERASURES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        reasons = await self.parties.erase(tenant, list(request.party_ids), current_caller().subject)
        return pb.ErasePartiesResponse(results=batches.results(reasons))


def _registration(message: pb.NewParty) -> Registration:
    if message.kind not in _PARTY_KINDS:
        raise InvalidArgument("kind is missing or unknown", field="kind")
    personal = message.personal_data
    return Registration(
        bounds.identifier("id", message.id),
        _PARTY_KINDS[message.kind],
        PersonalData(
            personal.name, personal.identity_number, personal.date_of_birth, personal.address, personal.country
        ),
    )


def _kyc_decision(message: pb.KycDecision, tenant: bytes) -> KycDecision:
    if message.to not in _KYC_STATES:
        raise InvalidArgument("to is missing or unknown", field="to")
    bounds.text("note", message.note, maximum=280)
    return KycDecision(tenant, message.party_id, _KYC_STATES[message.to], message.note, message.id)


def _party_message(read: ReadParty) -> pb.Party:
    party, personal = read.party, read.personal
    return pb.Party(
        id=party.id,
        kind=pb.PartyKind.Value(f"PARTY_KIND_{party.kind}"),
        kyc_status=pb.KycStatus.Value(f"KYC_STATUS_{party.kyc}"),
        personal_data=None
        if personal is None
        else pb.PersonalData(
            name=personal.name,
            identity_number=personal.identity_number,
            date_of_birth=personal.date_of_birth,
            address=personal.address,
            country=personal.country,
        ),
        erased=party.erased or personal is None,
    )
