"""What is kept of principals: plain records, built from events alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_identity.principals.domain import events
from ringfence_identity.principals.domain.events import (
    AccessGranted,
    CertificatePinned,
    GrantRenewed,
    JurisdictionStated,
    KeyRotated,
    PrincipalActivated,
    PrincipalRegistered,
    PrincipalSuspended,
)
from ringfence_identity.principals.domain.roles import SCOPES_OF_KIND, Kind

SECTION, GRANTS = "principals, format 3", "grants, format 1"


class Status(StrEnum):
    """Whether a principal may act."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


@dataclass(frozen=True, slots=True)
class AssertionKey:
    """An Ed25519 public key (32 bytes, RFC 8032) by which assertions are checked; `until_ns` 0 means no end."""

    public: bytes
    until_ns: int = 0

    def is_valid(self, now_ns: int) -> bool:
        """Whether an assertion signed with it counts now."""
        return self.until_ns == 0 or now_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class Grant:
    """What a regulator or an auditor may read, and when: `domain/grants.py` says what it means."""

    id: bytes
    platforms: tuple[bytes, ...]
    jurisdictions: tuple[str, ...]
    from_ns: int
    until_ns: int
    case_reference: str


@dataclass(frozen=True, slots=True)
class _SavedGrants:
    """What is granted, by principal, and the countries of platforms."""

    grants: list[tuple[bytes, Grant]]
    jurisdictions: list[tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who may ask for tokens.

    `keys` runs from oldest to newest. `stopped_by` is whoever proposed or suspended it. `person` is whom it belongs to:
    known by the id of that person's first principal. `until_ns` is when the role ends, 0 for never; `changes` counts
    what has happened to it. `certificate_sha256` is the certificate that two people have pinned last, empty for none.
    """

    id: bytes
    kind: Kind
    name: str
    tenant: bytes | None
    registered_key: bytes
    keys: tuple[AssertionKey, ...]
    status: Status
    stopped_by: bytes
    person: bytes
    until_ns: int
    changes: int = 0
    certificate_sha256: bytes = b""

    def has_lapsed(self, now_ns: int) -> bool:
        """Whether its role has ended by date."""
        return self.until_ns != 0 and now_ns >= self.until_ns

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope its role carries."""
        return SCOPES_OF_KIND[self.kind]


@dataclass(slots=True)
class State:
    """All principals by id; records are replaced, never changed.

    `grants` are what regulators and auditors read by, everything where there is none; `jurisdictions` the countries of
    platforms.
    """

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    principals: dict[bytes, Principal] = field(default_factory=dict)
    grants: dict[bytes, Grant] = field(default_factory=dict)
    jurisdictions: dict[bytes, str] = field(default_factory=dict)

    def may_act(self, principal: Principal, now_ns: int) -> bool:
        """Whether it is active, and neither has its role ended by date nor what it reads by, which has begun."""
        grant, ends_ns = self.grants.get(principal.id), self.ends_ns(principal)
        if not self.is_active(principal) or (ends_ns and now_ns >= ends_ns):
            return False
        return grant is None or now_ns >= grant.from_ns

    def ends_ns(self, principal: Principal) -> int:
        """Returns when its role, or what it reads by, ends, whichever is first; 0 for never."""
        grant = self.grants.get(principal.id)
        return min({principal.until_ns, grant.until_ns if grant else 0} - {0}, default=0)

    def is_active(self, principal: Principal) -> bool:
        """Whether it may act: it is active itself, and so is the platform it belongs to."""
        if principal.status is not Status.ACTIVE:
            return False
        return principal.tenant in (None, principal.id) or self.is_tenant(principal.tenant or b"")

    def is_suspended(self, principal: bytes) -> bool:
        """Whether a principal with this id was stopped; a platform's suspension is asked for by its own id."""
        found = self.principals.get(principal)
        return found is not None and found.status is not Status.ACTIVE

    def is_tenant(self, tenant: bytes) -> bool:
        """Whether an active platform has this id."""
        platform = self.principals.get(tenant)
        return platform is not None and platform.kind is Kind.PLATFORM and platform.status is Status.ACTIVE

    def of_person(self, person: bytes) -> list[Principal]:
        """Returns the principals that belong to a person."""
        return [each for each in self.principals.values() if each.person == person]

    def two_operators_until_ns(self, now_ns: int, latest_ns: int) -> int:
        """Returns until when two operators, two people, may act: `latest_ns` at most, `now_ns` where there are none.

        Of a person with several principals the one counts that lasts longest.
        """
        ends: dict[bytes, int] = {}
        for each in self.principals.values():
            if each.kind is Kind.OPERATOR and each.status is Status.ACTIVE and not each.has_lapsed(now_ns):
                ends[each.person] = max(ends.get(each.person, 0), min(each.until_ns or latest_ns, latest_ns))
        last = sorted(ends.values())[-2:]
        return last[0] if len(last) > 1 else now_ns

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal."""
        event = recorded.event
        if isinstance(event, AccessGranted):
            journal.put(self.grants, event.principal, _grant(event))
        elif isinstance(event, JurisdictionStated):
            journal.put(self.jurisdictions, event.principal, event.jurisdiction)
        journal.put(self.principals, event.principal, self._after(event, recorded.recorded_at_ns))

    def _after(
        self,
        event: PrincipalRegistered
        | PrincipalActivated
        | PrincipalSuspended
        | GrantRenewed
        | AccessGranted
        | JurisdictionStated
        | CertificatePinned
        | KeyRotated,
        at_ns: int,
    ) -> Principal:
        if isinstance(event, PrincipalRegistered):
            return _registered(event)
        before = self.principals[event.principal]
        principal = replace(before, changes=before.changes + 1)
        match event:
            case GrantRenewed():
                return replace(principal, until_ns=event.until_ns)
            case AccessGranted() | JurisdictionStated():
                return principal
            case PrincipalActivated():
                return replace(principal, status=Status.ACTIVE, stopped_by=b"")
            case PrincipalSuspended():
                return replace(principal, status=Status.SUSPENDED, stopped_by=event.by)
            case CertificatePinned():
                keys = (AssertionKey(event.public_key),) if event.public_key else principal.keys
                return replace(principal, keys=keys, certificate_sha256=event.certificate_sha256)
            case KeyRotated():
                return replace(principal, keys=_rotated(principal.keys, event, at_ns))

    def digest(self) -> bytes:
        """Returns SHA-256 over all principals, in the order of their ids, and what is granted, where anything is."""
        granted = self._granted() if self.grants or self.jurisdictions else b""
        return sha256(self._encoded() + granted).digest()

    def save(self) -> Sections:
        """Returns all principals, and what is granted."""
        return [(SECTION, self._encoded()), (GRANTS, self._granted())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        saved = plain.decode(sections[SECTION], list[Principal])
        granted = plain.decode(sections[GRANTS], _SavedGrants)
        self.principals = {principal.id: principal for principal in saved}
        self.grants, self.jurisdictions = dict(granted.grants), dict(granted.jurisdictions)

    def _granted(self) -> bytes:
        grants = [(each, self.grants[each]) for each in sorted(self.grants)]
        return plain.encode(_SavedGrants(grants, sorted(self.jurisdictions.items())))

    def _encoded(self) -> bytes:
        return plain.encode([self.principals[principal] for principal in sorted(self.principals)])


def _registered(event: PrincipalRegistered) -> Principal:
    return Principal(
        id=event.principal,
        kind=event.kind,
        name=event.name,
        tenant=event.principal if event.kind is Kind.PLATFORM else event.tenant or None,
        registered_key=event.public_key,
        keys=(AssertionKey(event.public_key),),
        status=Status.ACTIVE if event.active else Status.PENDING,
        stopped_by=b"" if event.active else event.by,
        person=event.person or event.principal,
        until_ns=event.until_ns,
        certificate_sha256=event.certificate_sha256,
    )


def _grant(event: AccessGranted) -> Grant:
    platforms = tuple(map(bytes.fromhex, event.platforms))
    return Grant(event.grant, platforms, event.jurisdictions, event.from_ns, event.until_ns, event.case_reference)


def _rotated(keys: tuple[AssertionKey, ...], event: KeyRotated, at_ns: int) -> tuple[AssertionKey, ...]:
    """Adds the new key, ends the older ones, and forgets those that have ended."""
    older = (
        AssertionKey(key.public, min(key.until_ns or event.older_keys_end_ns, event.older_keys_end_ns))
        for key in keys
        if key.is_valid(at_ns)
    )
    return (*(key for key in older if key.is_valid(at_ns)), AssertionKey(event.public_key))
