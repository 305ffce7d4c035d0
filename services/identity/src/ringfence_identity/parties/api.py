"""Methods of PartyService about parties: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.addresses import ELEMENTS, PostalAddress
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.common.v1 import postal_address_pb2 as address_pb
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity import batches
from ringfence_identity.parties.application.commands import PartyCommands, Registration
from ringfence_identity.parties.application.erasing import Erasing
from ringfence_identity.parties.application.holding import LegalHolds
from ringfence_identity.parties.application.owners import MAX_OWNERS, CompanyOwners, Owner, exact_share
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.application.reading import PartyReading, ReadParty, RegisteredNames
from ringfence_identity.parties.domain.blocking import PartyBlock
from ringfence_identity.parties.domain.kyc import KycState, PartyKind
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.principals.queries import Actor

MAX_PARTIES = 1_000
MAX_ERASURES = 100
MAX_COMPANIES = 100
MAX_REFERENCE = 140

_PARTY_KINDS = {pb.PartyKind.Value(f"PARTY_KIND_{kind}"): kind for kind in PartyKind}
_KYC_STATES = {pb.KycStatus.Value(f"KYC_STATUS_{state}"): state for state in KycState}


@dataclass(frozen=True, slots=True)
class PartyApi:
    """Serves parties."""

    parties: PartyCommands
    reading: PartyReading
    names: RegisteredNames
    holds: LegalHolds
    erasing: Erasing

    async def RegisterParties(self, request: pb.RegisterPartiesRequest, context: Any) -> pb.RegisterPartiesResponse:
        """Registers parties of the caller's tenant."""
        bounds.size("parties", len(request.parties), maximum=MAX_PARTIES)
        items = await batches.prepare_each(request.parties, _registration)
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
        found = await self.reading.get([(tenant, party) for party in request.party_ids])
        return await computed(
            len(found),
            lambda: pb.GetPartiesResponse(parties=[_party_message(each) for each in found if each is not None]),
        )

    async def ReadParties(self, request: pb.ReadPartiesRequest, context: Any) -> pb.ReadPartiesResponse:
        """Returns parties of any tenant to the service that screens them, and tells banks who pays."""
        bounds.size("parties", len(request.parties), maximum=MAX_PARTIES)
        asked = [(each.tenant_id, each.party_id) for each in request.parties]
        found = await self.reading.get(asked)
        platforms = {key: self._platform(*key) for key, each in zip(asked, found, strict=True) if each is None}

        def answered() -> pb.ReadPartiesResponse:
            return pb.ReadPartiesResponse(
                parties=[
                    platforms[key] if each is None else _party_message(each)
                    for key, each in zip(asked, found, strict=True)
                ]
            )

        return await computed(len(found), answered)

    def _platform(self, tenant: bytes, party: bytes) -> pb.Party:
        """Returns a platform as the owner of accounts of its own, nothing for another party that is not there."""
        name = self.names.of_platform(tenant) if party == tenant else ""
        if not name:
            return pb.Party()
        return pb.Party(id=tenant, kind=pb.PARTY_KIND_COMPANY, personal_data=pb.PersonalData(name=name))

    async def RecordOwners(self, request: pb.RecordOwnersRequest, context: Any) -> pb.RecordOwnersResponse:
        """Records the owners of companies of the caller's tenant."""
        bounds.size("companies", len(request.companies), maximum=MAX_COMPANIES)
        items = await batches.prepare_each(request.companies, _company)
        caller = current_caller()
        reasons = await self.parties.record_owners(items, Actor(caller.subject, caller.tenant))
        return pb.RecordOwnersResponse(results=batches.results(reasons))

    async def BlockParties(self, request: pb.BlockPartiesRequest, context: Any) -> pb.BlockPartiesResponse:
        """Blocks parties that a list names."""
        bounds.size("blocks", len(request.blocks), maximum=MAX_PARTIES)
        items = await batches.prepare_each(request.blocks, _block)
        reasons = await self.parties.block(items, current_caller().subject)
        return pb.BlockPartiesResponse(results=batches.results(reasons))

    async def DecideKyc(self, request: pb.DecideKycRequest, context: Any) -> pb.DecideKycResponse:
        """Moves parties through KYC."""
        bounds.size("decisions", len(request.decisions), maximum=MAX_PARTIES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        items = await batches.prepare_each(request.decisions, lambda each: _kyc_decision(each, tenant))
        found = await self.parties.decide_kyc(items, current_caller())
        return pb.DecideKycResponse(results=batches.answers(found))

    async def SetLegalHold(self, request: pb.SetLegalHoldRequest, context: Any) -> pb.SetLegalHoldResponse:
        """Holds parties against erasure, or proposes to let go of them."""
        bounds.size("party_ids", len(request.party_ids), maximum=MAX_ERASURES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        reference = bounds.text("order_reference", request.order_reference, maximum=MAX_REFERENCE)
        parties, caller = list(request.party_ids), current_caller()
        if request.held:
            reasons = await self.holds.hold(tenant, parties, reference, caller.subject)
            return pb.SetLegalHoldResponse(results=batches.results(reasons))
        reasons, proposal = await self.holds.propose_lifting(tenant, parties, reference, caller)
        return pb.SetLegalHoldResponse(results=batches.answers(batches.waiting_together(reasons, proposal)))

    async def EraseParties(self, request: pb.ErasePartiesRequest, context: Any) -> pb.ErasePartiesResponse:
        """Proposes the erasure of parties."""
        bounds.size("party_ids", len(request.party_ids), maximum=MAX_ERASURES)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        answers = await self.erasing.propose(tenant, list(request.party_ids), current_caller())
        return pb.ErasePartiesResponse(results=batches.answers(answers))


def _registration(message: pb.NewParty) -> Registration:
    if message.kind not in _PARTY_KINDS:
        raise InvalidArgument("kind is missing or unknown", field="kind")
    identifier = bounds.identifier("id", message.id)
    return Registration(identifier, _PARTY_KINDS[message.kind], _personal(message.personal_data))


def _personal(message: pb.PersonalData) -> PersonalData:
    return PersonalData.given(
        message.name,
        message.identity_number,
        message.date_of_birth,
        message.address,
        message.country,
        _postal_address(message.postal_address),
    )


def _postal_address(message: address_pb.PostalAddress) -> PostalAddress:
    texts = {name: getattr(message, name) for name in ELEMENTS}
    return PostalAddress(**texts, address_lines=tuple(message.address_lines))


def _company(message: pb.CompanyOwners) -> CompanyOwners:
    bounds.size("owners", len(message.owners), maximum=MAX_OWNERS)
    return CompanyOwners(bounds.identifier("party_id", message.party_id), tuple(map(_owner, message.owners)))


def _owner(message: pb.BeneficialOwner) -> Owner:
    share = exact_share(message.share_numerator, message.share_denominator)
    return Owner(message.id, _personal(message.personal_data), share, message.controls)


def _block(message: pb.PartyBlock) -> PartyBlock:
    return PartyBlock(
        bounds.identifier("tenant_id", message.tenant_id),
        bounds.identifier("party_id", message.party_id),
        message.list_reference,
        message.entry_sha256,
        message.evidence_sha256,
    )


def _kyc_decision(message: pb.KycDecision, tenant: bytes) -> KycDecision:
    if message.to not in _KYC_STATES:
        raise InvalidArgument("to is missing or unknown", field="to")
    bounds.text("note", message.note, maximum=280)
    return KycDecision(tenant, message.party_id, _KYC_STATES[message.to], message.note, message.id)


def _party_message(read: ReadParty) -> pb.Party:
    party, personal = read.party, read.personal
    return pb.Party(
        id=read.id,
        kind=pb.PartyKind.Value(f"PARTY_KIND_{party.kind}"),
        kyc_status=pb.KycStatus.Value(f"KYC_STATUS_{party.kyc}"),
        personal_data=None if personal is None else _personal_message(personal),
        erased=party.erased or personal is None,
        owners=[_owner_message(each) for each in read.owners],
        owners_version=read.owners_version,
    )


def _owner_message(owner: Owner) -> pb.BeneficialOwner:
    return pb.BeneficialOwner(
        id=owner.id,
        personal_data=_personal_message(owner.personal),
        share_numerator=owner.share.numerator,
        share_denominator=owner.share.denominator if owner.share else 0,
        controls=owner.controls,
    )


def _personal_message(personal: PersonalData) -> pb.PersonalData:
    where = personal.postal_address
    texts = {name: getattr(where, name) for name in ELEMENTS}
    return pb.PersonalData(
        name=personal.name,
        identity_number=personal.identity_number,
        date_of_birth=personal.date_of_birth,
        address=personal.address,
        country=personal.country,
        postal_address=address_pb.PostalAddress(**texts, address_lines=where.address_lines) if where else None,
    )
