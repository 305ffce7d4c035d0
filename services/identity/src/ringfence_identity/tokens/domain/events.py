"""What assertions were spent for, and which submissions were authorised. Stored as msgpack maps by field name."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class _OfPrincipal:
    principal: bytes

    @property
    def stream(self) -> bytes:
        """A principal's events stand in the stream of its id."""
        return self.principal


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
    """An assertion was spent for a client certificate.

    `pins` where the one presented was pinned or declared, and so is the new one; not in releases before.
    """

    TOPIC: ClassVar[str] = "CertificateEnrolled.v1"
    assertion: bytes
    assertion_expires_ns: int
    certificate_sha256: bytes
    expires_ns: int
    presented_sha256: bytes
    pins: bool = False


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
class AuthorisationRevoked:
    """A submission's authorisation was ended before its time, for good; `expires_ns` is when it would have ended."""

    TOPIC: ClassVar[str] = "AuthorisationRevoked.v1"
    tenant: bytes
    submission: bytes
    note: str
    by: bytes
    expires_ns: int

    @property
    def stream(self) -> bytes:
        """It stands with the authorisations of its tenant."""
        return self.tenant


EVENTS: tuple[type, ...] = (
    AuthorisationRevoked,
    AccessTokenIssued,
    CertificateEnrolled,
    SubmissionAuthorised,
)
