"""Whoever shows an assertion: an active principal, on a connection under its own certificate (RFC 8705)."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass

from ringfence_kernel.values.pins import is_pinned

from ringfence_identity.principals.queries import Principal, PrincipalNotActive, PrincipalQueries
from ringfence_identity.tokens.domain.assertions import Assertion
from ringfence_identity.tokens.domain.errors import CertificateMismatch
from ringfence_identity.tokens.domain.state import State


@dataclass(frozen=True, slots=True)
class Presented:
    """The client certificate of a call: the principal named in it and the SHA-256 of its DER bytes.

    `declared` where two operators have signed that it is the principal's: it counts until one is pinned.
    """

    subject: bytes
    sha256: bytes
    declared: bool = False


def require_bearer(
    state: State, principals: PrincipalQueries, assertion: Assertion, presented: Presented, now_ns: int
) -> Principal:
    """Returns the active principal that shows a certificate of its own, which stands pinned: who signs is not enough.

    Raises CertificateMismatch, PrincipalNotActive.
    """
    principal = principals.find(assertion.principal)
    if presented.subject != principal.id:
        raise CertificateMismatch
    pinned = state.pinned.get(principal.id)
    if not (presented.declared if pinned is None else is_pinned(pinned, presented.sha256, now_ns)):
        raise CertificateMismatch
    if not principals.may_act(principal, now_ns):
        raise PrincipalNotActive
    return principal


def thumbprint(digest: bytes) -> str:
    """Returns a SHA-256 as `x5t#S256` is written: base64url without padding (RFC 8705 section 3.1)."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
