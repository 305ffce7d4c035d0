"""Principals: proposed by an operator, confirmed by a second one, suspended by any, keys rotated by themselves."""

from dataclasses import dataclass, replace
from typing import Protocol

from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.ed25519 import is_public_key
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_identity.principals.domain.errors import (
    ExistsWithDifferentData,
    OperatorRequired,
    PersonNotFound,
    PrincipalNotActive,
    PrincipalNotFound,
    TenantNotFound,
)
from ringfence_identity.principals.domain.events import (
    AccessGranted,
    CertificatePinned,
    GrantRenewed,
    KeyRotated,
    PrincipalActivated,
    PrincipalRegistered,
    PrincipalSuspended,
)
from ringfence_identity.principals.domain.grants import (
    NewGrant,
    check_reader,
    granted,
    is_of,
    require_platforms,
    require_unended,
)
from ringfence_identity.principals.domain.roles import GRANT_DAYS, MEMBER_KINDS, ROLE_OF_KIND, Kind
from ringfence_identity.principals.domain.state import Principal, State, Status

BOOTSTRAP = ZERO_ID
"""Stands for the bootstrap file in the `by` of an event."""

MAX_NAME_CHARACTERS = 140
MAX_NOTE_CHARACTERS = 280
MAX_OVERLAP_SECONDS = 86_400
MAX_LIVE_KEYS = 8
SHA256_BYTES = 32


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: the subject of a verified token; operators and workloads have no tenant."""

    subject: bytes
    tenant: bytes | None


class OtherIds(Protocol):
    """Ids that are not principals': all share one namespace, so that each stream has one meaning."""

    def is_known(self, identifier: bytes) -> bool:
        """Whether something else than a principal has this id."""


@dataclass(frozen=True, slots=True)
class NewPrincipal:
    """A principal to register; `tenant` is empty except for approvers and importers.

    `person` is empty for a person of its own, `until_ns` 0 for a role that lasts as long as it may. Without a
    `certificate_sha256` it can do nothing until one is pinned. Regulators and auditors read by `grant` from the first,
    everything where there is none.
    """

    id: bytes
    kind: Kind
    name: str
    tenant: bytes
    public_key: bytes
    person: bytes = b""
    until_ns: int = 0
    certificate_sha256: bytes = b""
    grant: NewGrant | None = None

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.id) != ID_BYTES or self.id == ZERO_ID:
            raise InvalidArgument("id must be 16 bytes, not all zero", field="id")
        if not 1 <= len(self.name) <= MAX_NAME_CHARACTERS:
            raise InvalidArgument("name must have 1 to 140 characters", field="name")
        if (self.kind in MEMBER_KINDS) != bool(self.tenant):
            raise InvalidArgument("approvers and importers name their platform, others none", field="tenant_id")
        if self.person and (self.kind not in GRANT_DAYS or len(self.person) != ID_BYTES):
            raise InvalidArgument("people name their person by 16 bytes or none, others none", field="person_id")
        if self.until_ns and self.kind not in GRANT_DAYS:
            raise InvalidArgument("roles of people alone end by date", field="until_ns")
        check_public_key(self.public_key)
        if self.certificate_sha256:
            check_certificate(self.certificate_sha256)
        if self.grant is not None:
            check_reader(self.kind)


@dataclass(frozen=True, slots=True)
class NewPin:
    """The certificate that a principal shall present from now on; with a key, that takes the place of all before."""

    principal: bytes
    certificate_sha256: bytes
    public_key: bytes = b""

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        check_certificate(self.certificate_sha256)
        if self.public_key:
            check_public_key(self.public_key)


@dataclass(frozen=True, slots=True)
class FirstPrincipal:
    """An entry of the bootstrap file: active at once, as there is nobody yet who could confirm it."""

    principal: NewPrincipal
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises InvalidArgument without a certificate, for roles that are not the kind's own, and for importers."""
        check_certificate(self.principal.certificate_sha256)
        kind = self.principal.kind
        if self.roles != (ROLE_OF_KIND[kind],):
            raise InvalidArgument(f"a {kind} has the role {ROLE_OF_KIND[kind]} and no other", field="roles")
        if kind in MEMBER_KINDS:
            raise InvalidArgument(f"a {kind} is registered by operators, never by the bootstrap file", field="kind")


def check_public_key(public_key: bytes) -> None:
    """Raises InvalidArgument unless these are the 32 bytes of an Ed25519 public key."""
    if not is_public_key(public_key):
        raise InvalidArgument("public_key must be the 32 bytes of an Ed25519 key", field="public_key")


def check_certificate(certificate_sha256: bytes) -> None:
    """Raises InvalidArgument unless this is a SHA-256."""
    if len(certificate_sha256) != SHA256_BYTES:
        raise InvalidArgument("certificate_sha256 must be the 32 bytes of a SHA-256", field="certificate_sha256")


def check_note(note: str) -> None:
    """Raises InvalidArgument unless the reason given has 1 to 280 characters."""
    if not 1 <= len(note) <= MAX_NOTE_CHARACTERS:
        raise InvalidArgument("note must have 1 to 280 characters", field="note")


def require_operator(state: State, by: bytes) -> None:
    """Raises OperatorRequired unless `by` is an active operator at this moment, whatever its token still says."""
    operator = state.principals.get(by)
    if operator is None or operator.kind is not Kind.OPERATOR or not state.is_active(operator):
        raise OperatorRequired


def require_tenant(state: State, tenant: bytes) -> None:
    """Raises TenantNotFound unless an active platform has this id."""
    if not state.is_tenant(tenant):
        raise TenantNotFound


def grant_end_ns(kind: Kind, until_ns: int, now_ns: int) -> int:
    """Returns when a role that is granted now ends, 0 for kinds that are no people; raises InvalidArgument."""
    if kind not in GRANT_DAYS:
        return 0
    latest_ns = now_ns + GRANT_DAYS[kind] * DAY_NS
    if not until_ns:
        return latest_ns
    if not now_ns < until_ns <= latest_ns:
        raise InvalidArgument(f"a {kind} is one for at most {GRANT_DAYS[kind]} days from now", field="until_ns")
    return until_ns


def bootstrap(state: State, first: FirstPrincipal, now_ns: int) -> list[PrincipalRegistered]:
    """Registers an entry of the bootstrap file; raises ExistsWithDifferentData for an id that stands in it twice."""
    if first.principal.id in state.principals:
        raise ExistsWithDifferentData
    return [_registration(first.principal, BOOTSTRAP, now_ns)]


def register(
    state: State, others: OtherIds, new: NewPrincipal, by: bytes, now_ns: int, grant_id: bytes = b""
) -> list[PrincipalRegistered | AccessGranted]:
    """Registers a principal that two people want, with its grant, of this id; the same again changes nothing.

    Raises ExistsWithDifferentData, TenantNotFound, PersonNotFound, InvalidArgument.
    """
    if others.is_known(new.id):
        raise ExistsWithDifferentData
    existing = state.principals.get(new.id)
    if existing is not None:
        if _named(existing) != _normal(new) or new.certificate_sha256 not in (b"", existing.certificate_sha256):
            raise ExistsWithDifferentData
        if new.grant is not None and not is_of(state.grants.get(new.id), new.grant):
            raise ExistsWithDifferentData
        return []
    if new.kind in MEMBER_KINDS:
        require_tenant(state, new.tenant)
    if new.person not in (b"", new.id):
        _require_person(state, new)
    registered = _registration(new, by, now_ns)
    if new.grant is None:
        return [registered]
    require_platforms(state, new.grant)
    require_unended(new.grant, now_ns)
    return [registered, granted(new.id, new.grant, grant_id, by)]


def _require_person(state: State, new: NewPrincipal) -> None:
    """Raises PersonNotFound unless the person is somebody of the same kind and tenant: nobody has two roles."""
    known = state.of_person(new.person)
    if not known or any((each.kind, _named_tenant(each)) != (new.kind, new.tenant) for each in known):
        raise PersonNotFound


def _registration(new: NewPrincipal, by: bytes, now_ns: int) -> PrincipalRegistered:
    person = b"" if new.person == new.id else new.person
    until_ns = grant_end_ns(new.kind, new.until_ns, now_ns)
    return PrincipalRegistered(
        new.id, new.kind, new.name, new.tenant, new.public_key, new.certificate_sha256, True, by, person, until_ns
    )


def activate(state: State, principal_id: bytes, by: bytes) -> list[PrincipalActivated]:
    """Makes a suspended principal active, or one that waits since an earlier release; does nothing to an active one.

    Raises PrincipalNotFound.
    """
    principal = find(state, principal_id)
    return [] if principal.status is Status.ACTIVE else [PrincipalActivated(principal_id, by)]


def renew(state: State, principal_id: bytes, until_ns: int, by: bytes, now_ns: int) -> list[GrantRenewed]:
    """Lets a person's role end at another time; the same again changes nothing.

    Raises PrincipalNotFound, and InvalidArgument for what is no person, or a time that is over or too far.
    """
    principal = find(state, principal_id)
    if principal.kind not in GRANT_DAYS or not until_ns:
        raise InvalidArgument("roles of people alone end by date", field="until_ns")
    end_ns = grant_end_ns(principal.kind, until_ns, now_ns)
    return [] if principal.until_ns == end_ns else [GrantRenewed(principal_id, end_ns, by)]


def pin(state: State, new: NewPin, by: bytes) -> list[CertificatePinned]:
    """Has a principal present another certificate from now on, with another key where one is named.

    That nothing would be another is no reason to do nothing: certificates that were enrolled meanwhile end by it.
    Raises PrincipalNotFound.
    """
    find(state, new.principal)
    return [CertificatePinned(new.principal, new.certificate_sha256, new.public_key, by)]


def suspend(state: State, principal_id: bytes, note: str, by: bytes) -> list[PrincipalSuspended]:
    """Stops a principal: no further tokens, for a platform neither for its people. Idempotent.

    Raises OperatorRequired, InvalidArgument, PrincipalNotFound.
    """
    require_operator(state, by)
    check_note(note)
    principal = find(state, principal_id)
    return [] if principal.status is Status.SUSPENDED else [PrincipalSuspended(principal_id, note, by)]


def rotate_key(
    state: State, principal_id: bytes, public_key: bytes, overlap_seconds: int, now_ns: int
) -> list[KeyRotated]:
    """Replaces the newest key; older ones stay valid for the overlap, never longer than before.

    The same key again changes nothing. Raises InvalidArgument, PrincipalNotFound, PrincipalNotActive.
    """
    check_public_key(public_key)
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise InvalidArgument("overlap_seconds must be at most 86400", field="overlap_seconds")
    principal = find(state, principal_id)
    if not state.is_active(principal):
        raise PrincipalNotActive
    if principal.keys[-1].public == public_key:
        return []
    live = [key for key in principal.keys if key.is_valid(now_ns)]
    if any(key.public == public_key for key in live):
        raise InvalidArgument("this key was replaced already", field="public_key")
    if len(live) >= MAX_LIVE_KEYS:
        raise InvalidArgument("too many keys overlap; wait until older ones end", field="overlap_seconds")
    return [KeyRotated(principal_id, public_key, now_ns + overlap_seconds * NANOSECONDS)]


def find(state: State, principal_id: bytes) -> Principal:
    """Returns a principal; raises PrincipalNotFound."""
    principal = state.principals.get(principal_id)
    if principal is None:
        raise PrincipalNotFound
    return principal


def older_keys_end_ns(principal: Principal) -> int:
    """Returns when the last of the replaced keys ends, in UTC nanoseconds; 0 when none was replaced."""
    return max((key.until_ns for key in principal.keys[:-1]), default=0)


def _normal(new: NewPrincipal) -> NewPrincipal:
    """Returns a registration with its person named, without its end, its certificate and its grant."""
    person = (new.person or new.id) if new.kind in GRANT_DAYS else b""
    return replace(new, person=person, until_ns=0, certificate_sha256=b"", grant=None)


def _named(principal: Principal) -> NewPrincipal:
    """Returns what a registration of this principal says, but for its end, certificate and grant."""
    return NewPrincipal(
        principal.id,
        principal.kind,
        principal.name,
        _named_tenant(principal),
        principal.registered_key,
        principal.person if principal.kind in GRANT_DAYS else b"",
    )


def _named_tenant(principal: Principal) -> bytes:
    return principal.tenant or b"" if principal.kind in MEMBER_KINDS else b""
