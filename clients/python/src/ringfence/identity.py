"""Identity: principals and certificates, parties and their KYC, IBAN aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

import grpc
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc

from ringfence import addresses
from ringfence.access import AccessGrant, as_message
from ringfence.addresses import PostalAddress
from ringfence.credentials import Credentials
from ringfence.errors import RingfenceError, code_of
from ringfence.ids import ZERO_ID, optional, to_bytes
from ringfence.transport import Connection

_TEXTS = ("name", "identity_number", "date_of_birth", "address", "country")


class PrincipalKind(IntEnum):
    """What a principal is; decides its scopes."""

    PLATFORM = 1
    PLATFORM_APPROVER = 2
    OPERATOR = 3
    REGULATOR = 4
    BANK_FEED = 5
    IMPORTER = 6
    AUDITOR = 7
    MIRROR = 8


class PartyKind(IntEnum):
    """What a party is."""

    PERSON = 1
    COMPANY = 2


class KycStatus(IntEnum):
    """How far the identity of a party has been established."""

    NOT_STARTED = 1
    SUBMITTED = 2
    CHECKING = 3
    VERIFIED = 4
    REVIEW = 5
    REJECTED = 6
    REFRESH_DUE = 7
    EDD = 8
    EXPIRED = 9
    BLOCKED = 10


@dataclass(frozen=True, kw_only=True)
class NewPrincipal:
    """A principal to register; approvers and importers name their platform, regulators and auditors what they read.

    A further key of somebody known names that person; `until_ns` is when a person's role ends, UTC nanoseconds, 0 for
    as late as may be. It acts only by the client certificate that has this SHA-256, and may renew that.
    """

    id: UUID
    kind: PrincipalKind
    name: str
    public_key: bytes
    tenant_id: UUID | None = None
    person_id: UUID | None = None
    until_ns: int = 0
    certificate_sha256: bytes = b""
    grant: AccessGrant | None = None


@dataclass(frozen=True, kw_only=True)
class CertificatePin:
    """The client certificate, by SHA-256 of its DER bytes, that a principal shall present; all before end.

    A `public_key` takes the place of all signing keys before, at once; without one they stay.
    """

    principal_id: UUID
    certificate_sha256: bytes
    public_key: bytes = b""


@dataclass(frozen=True, kw_only=True)
class NewParty:
    """A client, person or company; banks are told its `postal_address`, or without one the text of `address`."""

    id: UUID
    kind: PartyKind
    name: str
    identity_number: str
    country: str
    date_of_birth: str = ""
    address: str = ""
    postal_address: PostalAddress | None = None


@dataclass(frozen=True, kw_only=True)
class Party(NewParty):
    """A party as read; its personal data is empty once it is erased."""

    kyc_status: KycStatus
    erased: bool
    owners: Sequence["BeneficialOwner"] = ()


@dataclass(frozen=True, kw_only=True)
class KycDecision:
    """A step of a party through KYC; the note holds no personal data. With an `id` it is made only once."""

    party_id: UUID
    to: KycStatus
    note: str
    id: UUID | None = None


@dataclass(frozen=True)
class Alias:
    """An IBAN that stands for an account; without an owner it is the platform's own.

    `bank_feed_id` makes it a bank mirror: the safeguarding account at the bank for which that principal speaks.
    """

    iban: str
    account_id: UUID
    owner_id: UUID | None = None
    bank_feed_id: UUID | None = None


class AliasAction(IntEnum):
    """What two operators do with an IBAN: MOVE confirms a claim although the IBAN stands for another account."""

    CONFIRM = 1
    REMOVE = 2
    MOVE = 3


@dataclass(frozen=True, kw_only=True)
class BeneficialOwner:
    """A person who owns a part of a company, `share` of the whole, or controls it by other means, or both."""

    id: UUID
    name: str
    identity_number: str
    country: str
    share: Fraction = Fraction()
    controls: bool = False
    date_of_birth: str = ""
    address: str = ""
    postal_address: PostalAddress | None = None


@dataclass(frozen=True)
class ItemResult:
    """How one item of a batch ended: an empty reason means done, now or before.

    What waits has the reason APPROVAL_PENDING and its `proposal_id`, or for an IBAN's claim PENDING.
    """

    reason: str
    proposal_id: UUID | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether it is done."""
        return not self.reason


class Identity:
    """The identity service. Every batch answers one result per item, in order; all writes are idempotent by id."""

    def __init__(self, channel: grpc.Channel, connection: Connection, credentials: Credentials) -> None:
        self._connection = connection
        self._credentials = credentials
        self._tokens = identity_pb2_grpc.TokenServiceStub(channel)
        self._parties = identity_pb2_grpc.PartyServiceStub(channel)

    def register_principals(self, principals: Sequence[NewPrincipal]) -> list[ItemResult]:
        """Proposes principals; the reason APPROVAL_PENDING asks for a second operator's confirmation."""
        rows = [
            pb.NewPrincipal(
                id=each.id.bytes,
                kind=pb.PrincipalKind.ValueType(each.kind),
                name=each.name,
                tenant_id=_id(each.tenant_id),
                public_key=each.public_key,
                person_id=_id(each.person_id),
                until_ns=each.until_ns,
                certificate_sha256=each.certificate_sha256,
                grant=as_message(each.grant) if each.grant else None,
            )
            for each in principals
        ]
        request = pb.RegisterPrincipalsRequest(principals=rows)
        return item_results(self._connection.call(self._tokens.RegisterPrincipals, request).results)

    def confirm_principals(self, principal_ids: Sequence[UUID]) -> list[ItemResult]:
        """Proposes that suspensions end, and names what waits about principals; a proposal's id alone confirms it."""
        request = pb.ConfirmPrincipalsRequest(principal_ids=to_bytes(principal_ids))
        return item_results(self._connection.call(self._tokens.ConfirmPrincipals, request).results)

    def renew_grants(self, principal_ids: Sequence[UUID], until_ns: int) -> list[ItemResult]:
        """Proposes that people's roles end at another time, UTC nanoseconds; a second operator confirms."""
        request = pb.RenewGrantsRequest(principal_ids=to_bytes(principal_ids), until_ns=until_ns)
        return item_results(self._connection.call(self._tokens.RenewGrants, request).results)

    def pin_certificates(self, pins: Sequence[CertificatePin]) -> list[ItemResult]:
        """Proposes by which certificates, and keys, principals act from then on; a second operator confirms."""
        rows = [
            pb.CertificatePin(
                principal_id=each.principal_id.bytes,
                certificate_sha256=each.certificate_sha256,
                public_key=each.public_key,
            )
            for each in pins
        ]
        request = pb.PinCertificatesRequest(pins=rows)
        return item_results(self._connection.call(self._tokens.PinCertificates, request).results)

    def suspend_principals(self, principal_ids: Sequence[UUID], note: str) -> list[ItemResult]:
        """Stops principals, and with a platform its people, until two operators lift it."""
        request = pb.SuspendPrincipalsRequest(principal_ids=to_bytes(principal_ids), note=note)
        return item_results(self._connection.call(self._tokens.SuspendPrincipals, request).results)

    def revoke_authorisation(self, tenant_id: UUID, submission_id: UUID, note: str) -> None:
        """Ends the authorisation of one submission, for good: what the bank does not have of it stops."""
        request = pb.RevokeAuthorisationRequest(tenant_id=tenant_id.bytes, submission_id=submission_id.bytes, note=note)
        self._connection.call(self._tokens.RevokeAuthorisation, request)

    def rotate_key(self, public_key: bytes, overlap_seconds: int = 3600) -> int:
        """Replaces the caller's signing key (32 bytes, Ed25519); returns when older keys end, in UTC nanoseconds."""
        request = pb.RotateKeyRequest(public_key=public_key, overlap_seconds=overlap_seconds)
        return self._connection.call(self._tokens.RotateKey, request).older_keys_end_ns

    def enrol(self, certificate_request_pem: str) -> tuple[str, str]:
        """Renews the caller's client certificate; returns it and its issuer's chain, both PEM."""
        request = pb.EnrolRequest(
            client_assertion=self._credentials.assertion(), certificate_request_pem=certificate_request_pem
        )
        reply = self._connection.call_without_token(self._tokens.Enrol, request)
        return reply.certificate_pem, reply.issuer_chain_pem

    def jwks(self) -> str:
        """The public keys that sign access tokens, as a JSON Web Key Set (RFC 7517)."""
        return self._connection.call_without_token(self._tokens.GetJwks, pb.GetJwksRequest()).jwks_json

    def register_parties(self, parties: Sequence[NewParty]) -> list[ItemResult]:
        """Registers clients of the caller's platform and hands them in for KYC."""
        rows = [pb.NewParty(id=each.id.bytes, kind=_kind(each), personal_data=_personal(each)) for each in parties]
        request = pb.RegisterPartiesRequest(parties=rows)
        return item_results(self._connection.call(self._parties.RegisterParties, request).results)

    def parties(self, party_ids: Sequence[UUID], tenant_id: UUID | None = None) -> list[Party]:
        """Parties by id, in the order asked; unknown ids are left out."""
        request = pb.GetPartiesRequest(tenant_id=_id(tenant_id), party_ids=to_bytes(party_ids))
        return [_party(each) for each in self._connection.call(self._parties.GetParties, request).parties]

    def decide_kyc(self, tenant_id: UUID, decisions: Sequence[KycDecision]) -> list[ItemResult]:
        """Moves parties through KYC, as an operator; unlisted steps are refused."""
        rows = [
            pb.KycDecision(
                party_id=each.party_id.bytes,
                to=pb.KycStatus.ValueType(each.to),
                note=each.note,
                id=_id(each.id),
            )
            for each in decisions
        ]
        request = pb.DecideKycRequest(tenant_id=tenant_id.bytes, decisions=rows)
        return item_results(self._connection.call(self._parties.DecideKyc, request).results)

    def record_owners(self, owners: Mapping[UUID, Sequence[BeneficialOwner]]) -> list[ItemResult]:
        """Records all beneficial owners of companies of the caller's platform, in place of those before."""
        companies = [
            pb.CompanyOwners(party_id=company.bytes, owners=[_owner_row(each) for each in of_company])
            for company, of_company in owners.items()
        ]
        request = pb.RecordOwnersRequest(companies=companies)
        return item_results(self._connection.call(self._parties.RecordOwners, request).results)

    def set_legal_hold(
        self, tenant_id: UUID, party_ids: Sequence[UUID], order_reference: str, *, held: bool = True
    ) -> list[ItemResult]:
        """Holds parties against erasure by order, as an operator; letting go of them takes two."""
        request = pb.SetLegalHoldRequest(
            tenant_id=tenant_id.bytes, party_ids=to_bytes(party_ids), held=held, order_reference=order_reference
        )
        return item_results(self._connection.call(self._parties.SetLegalHold, request).results)

    def erase_parties(self, tenant_id: UUID, party_ids: Sequence[UUID]) -> list[ItemResult]:
        """Proposes to erase parties for good by destroying their data keys, as an operator; another confirms.

        ERASURE_REFUSED says in its metadata what stands against it.
        """
        request = pb.ErasePartiesRequest(tenant_id=tenant_id.bytes, party_ids=to_bytes(party_ids))
        return item_results(self._connection.call(self._parties.EraseParties, request).results)

    def register_aliases(self, aliases: Sequence[Alias], tenant_id: UUID | None = None) -> list[ItemResult]:
        """Claims IBANs for accounts; a bank mirror's takes two operators, of whom the first names the tenant.

        A claim is PENDING until a bank's own message names the IBAN with its owner, or two operators confirm it.
        """
        rows = [
            pb.Alias(
                iban=each.iban,
                account_id=each.account_id.bytes,
                owner_id=(each.owner_id or ZERO_ID).bytes,
                bank_mirror=each.bank_feed_id is not None,
                bank_feed_id=each.bank_feed_id.bytes if each.bank_feed_id else b"",
            )
            for each in aliases
        ]
        request = pb.RegisterAliasesRequest(tenant_id=_id(tenant_id), aliases=rows)
        return item_results(self._connection.call(self._parties.RegisterAliases, request).results)

    def change_aliases(
        self,
        tenant_id: UUID,
        action: AliasAction,
        ibans: Mapping[str, UUID | None],
        document_sha256: bytes,
    ) -> list[ItemResult]:
        """Proposes what two operators do with IBANs and their owners, at most 1,000, on a document; another confirms.

        Without an owner it is the platform's own. All that waits, waits in one proposal.
        """
        changes = [pb.AliasChange(iban=iban, owner_id=(owner or ZERO_ID).bytes) for iban, owner in ibans.items()]
        request = pb.ChangeAliasesRequest(
            tenant_id=tenant_id.bytes,
            action=pb.AliasAction.ValueType(action),
            changes=changes,
            document_sha256=document_sha256,
        )
        return item_results(self._connection.call(self._parties.ChangeAliases, request).results)


def require_done(results: Sequence[ItemResult], allowed: frozenset[str] = frozenset()) -> None:
    """Raises RingfenceError for the first result whose reason is neither empty nor allowed."""
    for row, result in enumerate(results):
        if result.reason and result.reason not in allowed:
            raise RingfenceError(code_of(result.reason), result.reason, f"item {row} was refused", {"item": str(row)})


def item_results(results: Sequence[pb.ItemResult]) -> list[ItemResult]:
    return [ItemResult(each.reason, optional(each.proposal_id), dict(each.metadata)) for each in results]


def _id(identifier: UUID | None) -> bytes:
    return identifier.bytes if identifier else b""


def _kind(party: NewParty) -> pb.PartyKind.ValueType:
    return pb.PartyKind.ValueType(party.kind)


def _personal(party: NewParty | BeneficialOwner) -> pb.PersonalData:
    texts = {name: getattr(party, name) for name in _TEXTS}
    return pb.PersonalData(**texts, postal_address=addresses.message(party.postal_address))


def _read(data: pb.PersonalData) -> dict[str, Any]:
    return {name: getattr(data, name) for name in _TEXTS} | {"postal_address": addresses.read(data)}


def _owner_row(owner: BeneficialOwner) -> pb.BeneficialOwner:
    return pb.BeneficialOwner(
        id=owner.id.bytes,
        personal_data=_personal(owner),
        share_numerator=owner.share.numerator,
        share_denominator=owner.share.denominator if owner.share else 0,
        controls=owner.controls,
    )


def _owner(read: pb.BeneficialOwner) -> BeneficialOwner:
    return BeneficialOwner(
        id=UUID(bytes=read.id),
        share=Fraction(read.share_numerator, read.share_denominator or 1),
        controls=read.controls,
        **_read(read.personal_data),
    )


def _party(read: pb.Party) -> Party:
    return Party(
        id=UUID(bytes=read.id),
        kind=PartyKind(read.kind),
        kyc_status=KycStatus(read.kyc_status),
        erased=read.erased,
        owners=[*map(_owner, read.owners)],
        **_read(read.personal_data),
    )
