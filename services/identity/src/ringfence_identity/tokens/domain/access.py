"""Access tokens: what an assertion is worth, and what the token says (RFC 9068)."""

from dataclasses import dataclass

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import show

from ringfence_identity.principals.queries import ROLE_OF_KIND, Principal, PrincipalQueries
from ringfence_identity.tokens.domain.assertions import Assertion, require_unspent
from ringfence_identity.tokens.domain.bearers import Presented, require_bearer, thumbprint
from ringfence_identity.tokens.domain.errors import ScopeNotHeld
from ringfence_identity.tokens.domain.events import AccessTokenIssued
from ringfence_identity.tokens.domain.state import State

TOKEN_AUDIENCE = "ringfence"  # nosec B105 # no password
ACCESS_TOKEN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """An access token to be: everything its claims are made of.

    `position` is where the feed stands, `ends_ns` when the holder's role ends, or what it may read by, 0 for never.
    """

    token: bytes
    principal: Principal
    scopes: tuple[str, ...]
    certificate_sha256: bytes
    key_sha256: bytes
    issued_ns: int
    position: int
    ends_ns: int

    @property
    def expires_ns(self) -> int:
        """UTC nanoseconds, on a whole second as JWT times are; never after the holder's role."""
        ends = self.issued_ns // NANOSECONDS + ACCESS_TOKEN_SECONDS
        return (min(ends, self.ends_ns // NANOSECONDS) if self.ends_ns else ends) * NANOSECONDS

    @property
    def expires_in_seconds(self) -> int:
        """Whole seconds that it lives."""
        return self.expires_ns // NANOSECONDS - self.issued_ns // NANOSECONDS


def grant_access(
    state: State,
    principals: PrincipalQueries,
    assertion: Assertion,
    presented: Presented,
    wanted: frozenset[str],
    token: bytes,
    now_ns: int,
    position: int,
) -> AccessGrant:
    """Decides what an assertion is worth; empty `wanted` means every scope of the role.

    Raises AssertionExpired, AssertionReplayed, CertificateMismatch, PrincipalNotActive, ScopeNotHeld.
    """
    require_unspent(state, assertion, now_ns)
    principal = require_bearer(state, principals, assertion, presented, now_ns)
    if not wanted <= principal.scopes:
        raise ScopeNotHeld
    scopes = tuple(sorted(wanted or principal.scopes))
    ends_ns = principals.ends_ns(principal)
    return AccessGrant(token, principal, scopes, presented.sha256, assertion.key_sha256, now_ns, position, ends_ns)


def issue(
    state: State,
    principals: PrincipalQueries,
    assertion: Assertion,
    presented: Presented,
    grant: AccessGrant,
    now_ns: int,
) -> list[AccessTokenIssued]:
    """Spends the assertion for a grant that was signed meanwhile; whatever changed since then counts, time too.

    Raises as `grant_access`.
    """
    wanted = frozenset(grant.scopes)
    grant_access(state, principals, assertion, presented, wanted, grant.token, now_ns, grant.position)
    return [
        AccessTokenIssued(
            assertion.principal,
            assertion.digest,
            assertion.expires_ns,
            grant.token,
            grant.expires_ns,
            grant.certificate_sha256,
            grant.scopes,
        )
    ]


def access_claims(grant: AccessGrant, issuer: str) -> dict[str, object]:
    """Returns the claims of an access token (RFC 9068), bound to a certificate by its thumbprint (RFC 8705).

    `person` and `key` say with `cnf` by whose hand its holder acts, `until` when the role ends (ADR 0020), and
    `position` up to where this service's feed had come: what ends tokens comes later in it (ADR 0027).
    """
    principal = grant.principal
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": TOKEN_AUDIENCE,
        "sub": show(principal.id),
        "roles": [ROLE_OF_KIND[principal.kind]],
        "scope": " ".join(grant.scopes),
        "iat": grant.issued_ns // NANOSECONDS,
        "exp": grant.expires_ns // NANOSECONDS,
        "jti": show(grant.token),
        "cnf": {"x5t#S256": thumbprint(grant.certificate_sha256)},
        "person": show(principal.person),
        "key": thumbprint(grant.key_sha256),
        "position": grant.position,
    }
    if grant.ends_ns:
        claims["until"] = grant.ends_ns // NANOSECONDS
    if principal.tenant is not None:
        claims["tenant"] = show(principal.tenant)
    return claims
