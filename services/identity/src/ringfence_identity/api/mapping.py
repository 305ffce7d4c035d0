"""Between the protos and the domain: fields checked and converted, nothing decided."""

import base64
from collections.abc import Callable, Iterable
from typing import TypeVar

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import Caller
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity.application.aliases import AliasRequest
from ringfence_identity.application.parties import ReadParty, Registration
from ringfence_identity.application.personal import PersonalData, compact_iban
from ringfence_identity.application.ports import SubjectKey
from ringfence_identity.domain.kyc import KycState, PartyKind
from ringfence_identity.domain.parties import KycDecision
from ringfence_identity.domain.principals import NewPrincipal
from ringfence_identity.domain.roles import Kind
from ringfence_identity.domain.state import Actor, Alias
from ringfence_identity.domain.tokens import Presented

MessageT = TypeVar("MessageT")
ItemT = TypeVar("ItemT")


def each_item(messages: Iterable[MessageT], read: Callable[[MessageT], ItemT]) -> list[ItemT | DomainError]:
    """Reads every item of a batch; one that cannot be read becomes the reason why."""

    def one(message: MessageT) -> ItemT | DomainError:
        try:
            return read(message)
        except DomainError as refusal:
            return refusal

    return [one(message) for message in messages]


def results(reasons: Iterable[str]) -> list[pb.ItemResult]:
    """Returns one result per reason."""
    return [pb.ItemResult(reason=reason) for reason in reasons]


def actor(caller: Caller) -> Actor:
    """Returns who asks."""
    return Actor(caller.subject, caller.tenant)


def presented(caller: Caller) -> Presented:
    """Returns the certificate of the call."""
    digest = base64.urlsafe_b64decode(caller.certificate_thumbprint + "=")
    return Presented(caller.subject, digest)


def tenant_asked(caller: Caller, tenant_id: bytes) -> bytes:
    """Returns the tenant a request is about: the one it names, or the caller's own; raises InvalidArgument."""
    return bounds.identifier("tenant_id", tenant_id or caller.tenant or b"")


def new_principal(message: pb.NewPrincipal) -> NewPrincipal:
    """Reads a principal to register."""
    name = pb.PrincipalKind.Name(message.kind) if message.kind in pb.PrincipalKind.values() else ""
    kind = name.removeprefix("PRINCIPAL_KIND_")
    if kind not in Kind.__members__:
        raise InvalidArgument("kind is missing or unknown", field="kind")
    bounds.identifier("id", message.id)
    bounds.text("name", message.name, maximum=140)
    return NewPrincipal(message.id, Kind[kind], message.name, message.tenant_id, message.public_key)


def registration(message: pb.NewParty) -> Registration:
    """Reads a party to register."""
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


def kyc_decision(message: pb.KycDecision, tenant: bytes) -> KycDecision:
    """Reads a decision."""
    if message.to not in _KYC_STATES:
        raise InvalidArgument("to is missing or unknown", field="to")
    bounds.text("note", message.note, maximum=280)
    return KycDecision(tenant, message.party_id, _KYC_STATES[message.to], message.note, message.id)


def alias_request(message: pb.Alias, tenant: bytes) -> AliasRequest:
    """Reads an alias; a bank mirror, having no owner, belongs to the tenant."""
    bounds.identifier("account_id", message.account_id)
    owner = b"" if message.owner_id == ZERO_ID else message.owner_id
    if message.bank_mirror == bool(owner):
        raise InvalidArgument("owner_id names the owner, or is zero for a bank mirror", field="owner_id")
    owner = bounds.identifier("owner_id", owner or tenant)
    return AliasRequest(
        compact_iban(message.iban), message.account_id, owner, message.bank_mirror, message.bank_feed_id
    )


def party_message(read: ReadParty) -> pb.Party:
    """Shows a party."""
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


def resolved_alias(alias: Alias | None) -> pb.ResolvedAlias:
    """Shows what an IBAN stands for."""
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


def data_key(key: SubjectKey) -> pb.DataKey:
    """Shows a data key to a workload that may have it."""
    return pb.DataKey(key=key.key, destroyed=key.destroyed)


_PARTY_KINDS = {pb.PartyKind.Value(f"PARTY_KIND_{kind}"): kind for kind in PartyKind}
_KYC_STATES = {pb.KycStatus.Value(f"KYC_STATUS_{state}"): state for state in KycState}
