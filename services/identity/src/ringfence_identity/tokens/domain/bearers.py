"""Whoever shows an assertion: an active principal, on a connection under its own certificate (RFC 8705)."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass

from ringfence_identity.principals.queries import Principal, PrincipalNotActive, PrincipalQueries
from ringfence_identity.tokens.domain.assertions import Assertion
from ringfence_identity.tokens.domain.errors import CertificateMismatch
from ringfence_identity.tokens.domain.state import State


@dataclass(frozen=True, slots=True)
class Presented:
    """The client certificate of a call: the principal named in it and the SHA-256 of its DER bytes."""

    subject: bytes
    sha256: bytes


def require_bearer(
    state: State, principals: PrincipalQueries, assertion: Assertion, presented: Presented, now_ns: int
) -> Principal:
    """Returns the active principal that shows its own certificate.

    Raises CertificateMismatch, PrincipalNotActive.
    """
    principal = principals.find(assertion.principal)
    if presented.subject != principal.id:
        raise CertificateMismatch
    pinned = state.pinned.get(principal.id)
    if pinned is not None and presented.sha256 not in pinned:
        raise CertificateMismatch
    if not principals.may_act(principal, now_ns):
        raise PrincipalNotActive
    return principal


def thumbprint(digest: bytes) -> str:
    """Returns a SHA-256 as `x5t#S256` is written: base64url without padding (RFC 8705 section 3.1)."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
