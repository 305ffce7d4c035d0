"""What happens to parties. Stored as msgpack maps by field name; `by` is the acting principal.

No field holds personal data in clear: `personal` is sealed under the party's data key, `identity_index` and `digest`
are keyed hashes.
"""

from dataclasses import dataclass
from typing import ClassVar

from ringfence_identity.parties.domain.kyc import KycState, PartyKind


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
    """An operator proposed to lead a blocked party back to review: in earlier releases, and without effect since."""

    TOPIC: ClassVar[str] = "KycReleaseProposed.v1"
    note: str
    decision: bytes
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
    PartyErased,
)
