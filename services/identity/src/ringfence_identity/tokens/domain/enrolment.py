"""Enrolment: an assertion is spent for a new client certificate."""

from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.domain.assertions import Assertion, require_unspent
from ringfence_identity.tokens.domain.bearers import Presented, require_bearer
from ringfence_identity.tokens.domain.events import CertificateEnrolled
from ringfence_identity.tokens.domain.state import State


def enrol(
    state: State,
    principals: PrincipalQueries,
    assertion: Assertion,
    presented: Presented,
    certificate_sha256: bytes,
    expires_ns: int,
    now_ns: int,
) -> list[CertificateEnrolled]:
    """Spends the assertion for a client certificate that was signed meanwhile; whatever changed since then counts.

    Raises AssertionExpired, AssertionReplayed, CertificateMismatch, PrincipalNotActive.
    """
    require_unspent(state, assertion, now_ns)
    require_bearer(state, principals, assertion, presented, now_ns)
    return [
        CertificateEnrolled(
            assertion.principal,
            assertion.digest,
            assertion.expires_ns,
            certificate_sha256,
            expires_ns,
            presented.sha256,
            True,
        )
    ]
