"""What has happened: the published facts of this service, stored as msgpack maps by field name.

`by` is the acting principal; sixteen zero bytes stand for the bootstrap file. No field holds personal data in clear:
`personal` and `iban` are sealed under the subject's data key, the `..._index` fields are keyed hashes. The time of an
event stands in its envelope.
"""

from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.values.ids import external_id

from ringfence_identity.domain.kyc import KycState, PartyKind
from ringfence_identity.domain.roles import Kind


@dataclass(frozen=True, slots=True)
class _OfPrincipal:
    principal: bytes

    @property
    def stream(self) -> bytes:
        """A principal's events stand in the stream of its id."""
        return self.principal


@dataclass(frozen=True, slots=True)
class PrincipalRegistered(_OfPrincipal):
    """A principal was proposed; `active` is false where a second operator must confirm.

    `tenant` is empty for those above all platforms. `certificate_sha256` is empty unless only that certificate (and
    those enrolled after it) may be presented.
    """

    TOPIC: ClassVar[str] = "PrincipalRegistered.v1"
    kind: Kind
    name: str
    tenant: bytes
    public_key: bytes
    certificate_sha256: bytes
    active: bool
    by: bytes


@dataclass(frozen=True, slots=True)
class PrincipalActivated(_OfPrincipal):
    """A second operator confirmed the registration, or lifted a suspension."""

    TOPIC: ClassVar[str] = "PrincipalActivated.v1"
    by: bytes


@dataclass(frozen=True, slots=True)
class PrincipalSuspended(_OfPrincipal):
    """An operator stopped a principal; with a platform all who belong to it."""

    TOPIC: ClassVar[str] = "PrincipalSuspended.v1"
    note: str
    by: bytes


@dataclass(frozen=True, slots=True)
class KeyRotated(_OfPrincipal):
    """A principal replaced its assertion key; older keys hold until `older_keys_end_ns`."""

    TOPIC: ClassVar[str] = "KeyRotated.v1"
    public_key: bytes
    older_keys_end_ns: int


@dataclass(frozen=True, slots=True)
class AccessTokenIssued(_OfPrincipal):
    """An assertion was spent for an access token bound to a client certificate."""

    TOPIC: ClassVar[str] = "AccessTokenIssued.v1"
    assertion: bytes
    assertion_expires_ns: int
    token: bytes
    expires_ns: int
    certificate_sha256: bytes
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateEnrolled(_OfPrincipal):
    """An assertion was spent for a client certificate."""

    TOPIC: ClassVar[str] = "CertificateEnrolled.v1"
    assertion: bytes
    assertion_expires_ns: int
    certificate_sha256: bytes
    expires_ns: int
    presented_sha256: bytes


@dataclass(frozen=True, slots=True)
class SubmissionAuthorised:
    """payment-instruction was authorised to settle a submission for one tenant, on the submitter's token."""

    TOPIC: ClassVar[str] = "SubmissionAuthorised.v1"
    tenant: bytes
    submission: bytes
    digest: bytes
    submitter: bytes
    token: bytes
    expires_ns: int

    @property
    def stream(self) -> bytes:
        """Authorisations stand in the stream of their tenant."""
        return self.tenant


@dataclass(frozen=True, slots=True)
class _OfParty:
    tenant: bytes
    party: bytes

    @property
    def stream(self) -> bytes:
        """A party's events stand in the stream of its id."""
        return self.party


@dataclass(frozen=True, slots=True)
class PartyRegistered(_OfParty):
    """A platform registered a client; `personal` maps field names to sealed bytes (AAD: party, this version, field).

    `digest` is a hash of the personal data, keyed by the party's data key, by which a repeated command is known.
    """

    TOPIC: ClassVar[str] = "PartyRegistered.v1"
    kind: PartyKind
    personal: dict[str, bytes]
    identity_index: bytes
    digest: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class PartyAmended(_OfParty):
    """A platform handed in other personal data for a party that was rejected or had expired."""

    TOPIC: ClassVar[str] = "PartyAmended.v1"
    kind: PartyKind
    personal: dict[str, bytes]
    identity_index: bytes
    digest: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class KycChanged(_OfParty):
    """A party went from one KYC state to another; `decision` is the deciding operator's id for it, or empty."""

    TOPIC: ClassVar[str] = "KycChanged.v1"
    before: KycState
    after: KycState
    note: str
    decision: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class KycReleaseProposed(_OfParty):
    """An operator proposed to lead a blocked party back to review; another must confirm."""

    TOPIC: ClassVar[str] = "KycReleaseProposed.v1"
    note: str
    decision: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class PartyErased(_OfParty):
    """The tombstone: the party's data key is destroyed, and destroyed again after any restore."""

    TOPIC: ClassVar[str] = "PartyErased.v1"
    by: bytes


@dataclass(frozen=True, slots=True)
class _OfAlias:
    tenant: bytes
    owner: bytes
    iban_index: bytes

    @property
    def stream(self) -> bytes:
        """An alias has a stream of its own, named after its owner and the index of its IBAN."""
        return alias_stream(self.owner, self.iban_index)


@dataclass(frozen=True, slots=True)
class AliasRegistered(_OfAlias):
    """An IBAN stands for an account; `iban` is sealed under the owner's data key (AAD: stream, version 1, "iban")."""

    TOPIC: ClassVar[str] = "AliasRegistered.v1"
    account: bytes
    bank_mirror: bool
    iban: bytes
    by: bytes
    bank_feed: bytes = b""
    """Principal whose statements speak for a bank mirror."""


@dataclass(frozen=True, slots=True)
class AliasRemoved(_OfAlias):
    """The IBAN stands for nothing any more, because its owner was erased."""

    TOPIC: ClassVar[str] = "AliasRemoved.v1"
    by: bytes


def alias_stream(owner: bytes, iban_index: bytes) -> bytes:
    """Returns the stream of the alias that this owner holds under this index."""
    return external_id("identity.alias", owner, iban_index.hex())


EVENT_TYPES: tuple[type, ...] = (
    PrincipalRegistered,
    PrincipalActivated,
    PrincipalSuspended,
    KeyRotated,
    AccessTokenIssued,
    CertificateEnrolled,
    SubmissionAuthorised,
    PartyRegistered,
    PartyAmended,
    KycChanged,
    KycReleaseProposed,
    PartyErased,
    AliasRegistered,
    AliasRemoved,
)
