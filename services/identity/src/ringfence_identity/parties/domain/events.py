"""What happens to parties. Stored as msgpack maps by field name; `by` is the acting principal.

No field holds personal data in clear: `personal` is sealed under the party's data key, `identity_index` and `digest`
are keyed hashes.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

from ringfence_identity.parties.domain.kyc import KycState, PartyKind


@dataclass(frozen=True, slots=True)
class _OfParty:
    tenant: bytes
    party: bytes

    @property
    def stream(self) -> bytes:
        """A party's events stand in the stream of its id, where no other tenant had the id before (`subject_of`)."""
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
    """A party went from one KYC state to another; `decision` is the deciding operator's id for it, or empty.

    `findings` are the lists' entries that two people have looked at who led it out of BLOCKED, 32 bytes each
    (`PartyBlocked.finding`); events of earlier releases have none.
    """

    TOPIC: ClassVar[str] = "KycChanged.v1"
    before: KycState
    after: KycState
    note: str
    decision: bytes
    by: bytes
    findings: bytes = b""


@dataclass(frozen=True, slots=True)
class KycReleaseProposed(_OfParty):
    """An operator proposed to lead a blocked party back to review: in earlier releases, and without effect since."""

    TOPIC: ClassVar[str] = "KycReleaseProposed.v1"
    note: str
    decision: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class OwnersRecorded(_OfParty):
    """A platform recorded who owns a company, for the `number`th time; it replaces what was recorded before.

    `personal` maps an owner's id in hexadecimal, a dot and a field to sealed bytes (AAD: stream, this version, that
    name); `digest` is a hash of all owners, keyed by the company's data key.
    """

    TOPIC: ClassVar[str] = "OwnersRecorded.v1"
    number: int
    owners: int
    personal: dict[str, bytes]
    digest: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class PartyBlocked(_OfParty):
    """A list names a party or one of its owners; `by` is the workload that found it."""

    TOPIC: ClassVar[str] = "PartyBlocked.v1"
    list_reference: str
    entry_sha256: bytes
    evidence_sha256: bytes
    by: bytes

    @property
    def finding(self) -> bytes:
        """SHA-256 of the entry as it stands and of its reference: by it two people name what they have looked at."""
        return sha256(self.entry_sha256 + self.list_reference.encode()).digest()


@dataclass(frozen=True, slots=True)
class LegalHoldPlaced(_OfParty):
    """A party may not be erased, by legal order."""

    TOPIC: ClassVar[str] = "LegalHoldPlaced.v1"
    order_reference: str
    by: bytes


@dataclass(frozen=True, slots=True)
class LegalHoldLifted(_OfParty):
    """An order no longer holds a party; `by` confirmed that."""

    TOPIC: ClassVar[str] = "LegalHoldLifted.v1"
    order_reference: str
    by: bytes


@dataclass(frozen=True, slots=True)
class PartyErased(_OfParty):
    """The tombstone: the party's data key is destroyed, and destroyed again after any restore."""

    TOPIC: ClassVar[str] = "PartyErased.v1"
    by: bytes


EVENTS: tuple[type, ...] = (
    PartyRegistered,
    PartyAmended,
    KycChanged,
    KycReleaseProposed,
    OwnersRecorded,
    PartyBlocked,
    LegalHoldPlaced,
    LegalHoldLifted,
    PartyErased,
)
