"""What the service holds in memory: plain records, rebuilt from events alone."""

from dataclasses import dataclass, field
from enum import StrEnum

from ringfence_identity.parties.domain.kyc import KycState, PartyKind
from ringfence_identity.principals.domain.roles import SCOPES_OF_KIND, Kind


class Status(StrEnum):
    """Whether a principal may act."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: the subject of a verified token; operators and workloads have no tenant."""

    subject: bytes
    tenant: bytes | None


@dataclass(frozen=True, slots=True)
class AssertionKey:
    """An Ed25519 public key (32 bytes, RFC 8032) by which assertions are checked; `until_ns` 0 means no end."""

    public: bytes
    until_ns: int = 0

    def is_valid(self, now_ns: int) -> bool:
        """Whether an assertion signed with it counts now."""
        return self.until_ns == 0 or now_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who may ask for tokens.

    `keys` runs from oldest to newest. `stopped_by` is whoever proposed or suspended; another must confirm. `pinned` are
    the only certificates that may be presented; empty admits every one the client issuer gave to the principal's
    SPIFFE id.
    """

    id: bytes
    kind: Kind
    name: str
    tenant: bytes | None
    registered_key: bytes
    keys: tuple[AssertionKey, ...]
    status: Status
    stopped_by: bytes
    pinned: frozenset[bytes] = frozenset()

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope its role carries."""
        return SCOPES_OF_KIND[self.kind]


@dataclass(frozen=True, slots=True)
class Party:
    """A client of a platform. `personal` is sealed, at `personal_version` of the stream, and gone once erased."""

    id: bytes
    tenant: bytes
    kind: PartyKind
    personal: dict[str, bytes]
    personal_version: int
    identity_index: bytes
    digest: bytes
    version: int
    kyc: KycState = KycState.NOT_STARTED
    release_proposed_by: bytes = b""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Alias:
    """What an IBAN stands for; `owner` is a party, or the tenant itself; `bank_feed` speaks for a bank mirror."""

    tenant: bytes
    account: bytes
    owner: bytes
    bank_mirror: bool
    bank_feed: bytes = b""


@dataclass(slots=True)
class State:
    """All of it. Dictionaries change only through a journal, records are replaced, never changed.

    Keys made of two ids (tenant and decision, tenant and submission) are both in a row, 32 bytes. `assertions` and
    `authorisations` are grouped by the minute and the day in which they expire, so that forgetting
    them is cheap and the same on every rebuild.
    """

    principals: dict[bytes, Principal] = field(default_factory=dict)
    parties: dict[bytes, Party] = field(default_factory=dict)
    identity_numbers: dict[bytes, bytes] = field(default_factory=dict)
    kyc_decisions: dict[bytes, tuple[bytes, KycState]] = field(default_factory=dict)
    aliases: dict[bytes, Alias] = field(default_factory=dict)
    aliases_of: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    assertions: dict[int, dict[bytes, bool]] = field(default_factory=dict)
    authorisations: dict[int, dict[bytes, bytes]] = field(default_factory=dict)

    def is_active(self, principal: Principal) -> bool:
        """Whether it may act: it is active itself, and so is the platform it belongs to."""
        if principal.status is not Status.ACTIVE:
            return False
        return principal.tenant in (None, principal.id) or self.is_tenant(principal.tenant or b"")

    def is_tenant(self, tenant: bytes) -> bool:
        """Whether an active platform has this id."""
        platform = self.principals.get(tenant)
        return platform is not None and platform.kind is Kind.PLATFORM and platform.status is Status.ACTIVE
