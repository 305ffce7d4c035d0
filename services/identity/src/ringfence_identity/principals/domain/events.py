"""What happens to principals. Stored as msgpack maps by field name; `by` is the acting principal.

Sixteen zero bytes as `by` stand for the bootstrap file. The time of an event stands in its envelope.
"""

from dataclasses import dataclass
from typing import ClassVar

from ringfence_identity.principals.domain.roles import Kind


@dataclass(frozen=True, slots=True)
class _OfPrincipal:
    principal: bytes

    @property
    def stream(self) -> bytes:
        """A principal's events stand in the stream of its id."""
        return self.principal


@dataclass(frozen=True, slots=True)
class PrincipalRegistered(_OfPrincipal):
    """A principal was registered; `active` is false where a second operator must confirm: not any more.

    `tenant` is empty for those above all platforms. Only the certificate of `certificate_sha256`, and those enrolled
    after it, may be presented; where it is empty none may until one is pinned. `person` is empty for a person of its
    own, known by the principal's id; `until_ns` is when the role ends, 0 for never.
    """

    TOPIC: ClassVar[str] = "PrincipalRegistered.v1"
    kind: Kind
    name: str
    tenant: bytes
    public_key: bytes
    certificate_sha256: bytes
    active: bool
    by: bytes
    person: bytes = b""
    until_ns: int = 0


@dataclass(frozen=True, slots=True)
class PrincipalActivated(_OfPrincipal):
    """A second operator confirmed a registration that waited, or two lifted a suspension."""

    TOPIC: ClassVar[str] = "PrincipalActivated.v1"
    by: bytes


@dataclass(frozen=True, slots=True)
class PrincipalSuspended(_OfPrincipal):
    """An operator stopped a principal; with a platform all who belong to it."""

    TOPIC: ClassVar[str] = "PrincipalSuspended.v1"
    note: str
    by: bytes


@dataclass(frozen=True, slots=True)
class GrantRenewed(_OfPrincipal):
    """A person's role ends at another time from here on, UTC nanoseconds."""

    TOPIC: ClassVar[str] = "GrantRenewed.v1"
    until_ns: int
    by: bytes


@dataclass(frozen=True, slots=True)
class AccessGranted(_OfPrincipal):
    """A regulator or an auditor reads by this grant from here on, in the place of the one before.

    Reads name it by `grant`, 16 bytes. `platforms` are ids in hexadecimal, as a leaf shows them; times are UTC
    nanoseconds, 0 for no bound.
    """

    TOPIC: ClassVar[str] = "AccessGranted.v1"
    grant: bytes
    platforms: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    from_ns: int
    until_ns: int
    case_reference: str
    by: bytes


@dataclass(frozen=True, slots=True)
class JurisdictionStated(_OfPrincipal):
    """A platform is supervised by the law of a country, ISO 3166-1 alpha-2."""

    TOPIC: ClassVar[str] = "JurisdictionStated.v1"
    jurisdiction: str
    by: bytes


@dataclass(frozen=True, slots=True)
class CertificatePinned(_OfPrincipal):
    """Only this certificate, and those enrolled after it, may be presented from here on.

    `public_key` takes the place of all assertion keys at once; empty where they stay.
    """

    TOPIC: ClassVar[str] = "CertificatePinned.v1"
    certificate_sha256: bytes
    public_key: bytes
    by: bytes


@dataclass(frozen=True, slots=True)
class KeyRotated(_OfPrincipal):
    """A principal replaced its assertion key; older keys hold until `older_keys_end_ns`."""

    TOPIC: ClassVar[str] = "KeyRotated.v1"
    public_key: bytes
    older_keys_end_ns: int


EVENTS: tuple[type, ...] = (
    PrincipalRegistered,
    PrincipalActivated,
    PrincipalSuspended,
    GrantRenewed,
    AccessGranted,
    JurisdictionStated,
    CertificatePinned,
    KeyRotated,
)
