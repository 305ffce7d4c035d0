"""Client assertions that are spent once, and the access and authorisation tokens given for them."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace

from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, external_id, parse, show
from ringfence_kernel.writing.journal import Journal

from ringfence_identity.domain.aliases import speaks_for
from ringfence_identity.domain.errors import (
    AssertionExpired,
    AssertionInvalid,
    AssertionReplayed,
    CertificateMismatch,
    ExistsWithDifferentData,
    PrincipalNotActive,
    ScopeNotHeld,
    SubmissionRefused,
)
from ringfence_identity.domain.events import AccessTokenIssued, CertificateEnrolled, SubmissionAuthorised
from ringfence_identity.domain.principals import find
from ringfence_identity.domain.roles import AUTHORISATION_SCOPES, ROLE_OF_KIND, SUBMITTING_SCOPES, Kind
from ringfence_identity.domain.state import Principal, State

ASSERTION_AUDIENCE = "ringfence-identity"
TOKEN_AUDIENCE = "ringfence"
ASSERTION_LIFE_SECONDS = 300
CLOCK_SKEW_SECONDS = 30
ACCESS_TOKEN_SECONDS = 300
AUTHORISATION_SECONDS = 30 * 86_400
MAX_JTI_CHARACTERS = 128

_MINUTE_NS = 60 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion whose signature was checked: who it is from, and by what it is known when it comes again."""

    principal: bytes
    digest: bytes
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Presented:
    """The client certificate of a call: the principal named in it and the SHA-256 of its DER bytes."""

    subject: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """An access token to be: everything its claims are made of."""

    token: bytes
    principal: Principal
    scopes: tuple[str, ...]
    certificate_sha256: bytes
    issued_ns: int

    @property
    def expires_ns(self) -> int:
        """UTC nanoseconds, on a whole second as JWT times are."""
        return (self.issued_ns // NANOSECONDS + ACCESS_TOKEN_SECONDS) * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Submission:
    """What payment-instruction received: the submitter's checked token, the submission and whom it is for."""

    submitter: bytes
    submitter_scopes: frozenset[str]
    tenant: bytes
    id: bytes
    digest: bytes

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.id) != ID_BYTES:
            raise InvalidArgument("submission_id must be 16 bytes", field="submission_id")
        if len(self.digest) != 32:
            raise InvalidArgument("digest must be 32 bytes", field="digest")


def issuer_of(claims: dict[str, object]) -> bytes:
    """Returns the principal whose assertion this claims to be; raises AssertionInvalid where it names none."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or claims.get("sub") != issuer:
        raise AssertionInvalid
    try:
        return parse(issuer)
    except ValueError:
        raise AssertionInvalid from None


def check_claims(claims: dict[str, object], now_ns: int) -> Assertion:
    """Checks the claims of a signed assertion (RFC 7523 section 3) and returns what is left to spend.

    Raises AssertionInvalid, AssertionExpired.
    """
    principal = issuer_of(claims)
    audience, expires, token_id = claims.get("aud"), claims.get("exp"), claims.get("jti")
    if audience != ASSERTION_AUDIENCE and audience != [ASSERTION_AUDIENCE]:
        raise AssertionInvalid
    if not isinstance(expires, int) or isinstance(expires, bool):
        raise AssertionInvalid
    if not isinstance(token_id, str) or not 1 <= len(token_id) <= MAX_JTI_CHARACTERS or not token_id.isprintable():
        raise AssertionInvalid
    now = now_ns // NANOSECONDS
    if not now < expires <= now + ASSERTION_LIFE_SECONDS + CLOCK_SKEW_SECONDS:
        raise AssertionExpired
    for claim in ("nbf", "iat"):
        begins = claims.get(claim, now)
        if not isinstance(begins, int | float) or begins > now + CLOCK_SKEW_SECONDS:
            raise AssertionInvalid
    return Assertion(principal, external_id("identity.assertion", principal, token_id), expires * NANOSECONDS)


def require_unspent(state: State, assertion: Assertion, now_ns: int) -> None:
    """Raises AssertionReplayed for an assertion that was spent before, in this run or an earlier one.

    Raises AssertionExpired once it has ended: from then on its use may be forgotten.
    """
    if now_ns >= assertion.expires_ns:
        raise AssertionExpired
    if assertion.digest in state.assertions.get(assertion.expires_ns // _MINUTE_NS, ()):
        raise AssertionReplayed


def require_bearer(state: State, assertion: Assertion, presented: Presented) -> Principal:
    """Returns the active principal that shows its own certificate.

    Raises CertificateMismatch, PrincipalNotActive.
    """
    principal = find(state, assertion.principal)
    if presented.subject != principal.id:
        raise CertificateMismatch
    if principal.pinned and presented.sha256 not in principal.pinned:
        raise CertificateMismatch
    if not state.is_active(principal):
        raise PrincipalNotActive
    return principal


def grant_access(
    state: State, assertion: Assertion, presented: Presented, wanted: frozenset[str], token: bytes, now_ns: int
) -> AccessGrant:
    """Decides what an assertion is worth; empty `wanted` means every scope of the role.

    Raises AssertionExpired, AssertionReplayed, CertificateMismatch, PrincipalNotActive, ScopeNotHeld.
    """
    require_unspent(state, assertion, now_ns)
    principal = require_bearer(state, assertion, presented)
    if not wanted <= principal.scopes:
        raise ScopeNotHeld
    scopes = tuple(sorted(wanted or principal.scopes))
    return AccessGrant(token, principal, scopes, presented.sha256, now_ns)


def issue(
    state: State, assertion: Assertion, presented: Presented, grant: AccessGrant, now_ns: int
) -> list[AccessTokenIssued]:
    """Spends the assertion for a grant that was signed meanwhile; whatever changed since then counts, time too.

    Raises as `grant_access`.
    """
    grant_access(state, assertion, presented, frozenset(grant.scopes), grant.token, now_ns)
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


def enrol(
    state: State, assertion: Assertion, presented: Presented, certificate_sha256: bytes, expires_ns: int, now_ns: int
) -> list[CertificateEnrolled]:
    """Spends the assertion for a client certificate that was signed meanwhile; whatever changed since then counts.

    Raises AssertionExpired, AssertionReplayed, CertificateMismatch, PrincipalNotActive.
    """
    require_unspent(state, assertion, now_ns)
    require_bearer(state, assertion, presented)
    return [
        CertificateEnrolled(
            assertion.principal,
            assertion.digest,
            assertion.expires_ns,
            certificate_sha256,
            expires_ns,
            presented.sha256,
        )
    ]


def authorise(state: State, submission: Submission, token: bytes, now_ns: int) -> list[SubmissionAuthorised]:
    """Authorises a submission; again for the same digest gives another token for the same.

    A platform submits for itself, a bank feed for a tenant that has an account with its bank. Raises SubmissionRefused,
    and ExistsWithDifferentData when the submission was authorised with another digest.
    """
    principal = state.principals.get(submission.submitter)
    if principal is None or not state.is_active(principal) or not state.is_tenant(submission.tenant):
        raise SubmissionRefused
    if not submission.submitter_scopes & principal.scopes & SUBMITTING_SCOPES:
        raise SubmissionRefused
    is_feed = principal.kind is Kind.BANK_FEED
    if not (speaks_for(state, principal.id, submission.tenant) if is_feed else principal.tenant == submission.tenant):
        raise SubmissionRefused
    known = authorised_digest(state, submission.tenant, submission.id)
    if known not in (None, submission.digest):
        raise ExistsWithDifferentData
    expires_ns = (now_ns // NANOSECONDS + AUTHORISATION_SECONDS) * NANOSECONDS
    return [
        SubmissionAuthorised(
            submission.tenant, submission.id, submission.digest, submission.submitter, token, expires_ns
        )
    ]


def authorised_digest(state: State, tenant: bytes, submission: bytes) -> bytes | None:
    """Returns the digest that a live authorisation names, or None."""
    for day in state.authorisations.values():
        digest = day.get(tenant + submission)
        if digest is not None:
            return digest
    return None


def thumbprint(certificate_sha256: bytes) -> str:
    """Returns `x5t#S256`: base64url without padding (RFC 8705 section 3.1)."""
    return urlsafe_b64encode(certificate_sha256).rstrip(b"=").decode()


def access_claims(grant: AccessGrant, issuer: str) -> dict[str, object]:
    """Returns the claims of an access token (RFC 9068), bound to a certificate by its thumbprint (RFC 8705)."""
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
    }
    if principal.tenant is not None:
        claims["tenant"] = show(principal.tenant)
    return claims


def authorisation_claims(
    event: SubmissionAuthorised, issuer: str, holder_spiffe_id: str, now_ns: int
) -> dict[str, object]:
    """Returns the claims of an authorisation token: one tenant, one submission, held by one workload."""
    return {
        "iss": issuer,
        "aud": TOKEN_AUDIENCE,
        "sub": show(event.submitter),
        "tenant": show(event.tenant),
        "roles": [],
        "scope": " ".join(AUTHORISATION_SCOPES),
        "iat": now_ns // NANOSECONDS,
        "exp": event.expires_ns // NANOSECONDS,
        "jti": show(event.token),
        "txn": show(event.submission),
        "sha256": event.digest.hex(),
        "cnf": {"spiffe": holder_spiffe_id},
    }


def apply_issued(state: State, event: AccessTokenIssued, at_ns: int, journal: Journal) -> None:
    """Remembers the assertion as spent."""
    _remember(state.assertions, event.assertion_expires_ns // _MINUTE_NS, event.assertion, True, journal)
    _forget_before(state.assertions, at_ns // _MINUTE_NS, journal)


def apply_enrolled(state: State, event: CertificateEnrolled, at_ns: int, journal: Journal) -> None:
    """Remembers the assertion as spent, and the certificate where certificates are pinned."""
    principal = state.principals[event.principal]
    if principal.pinned:
        pinned = principal.pinned | {event.certificate_sha256}
        journal.put(state.principals, event.principal, replace(principal, pinned=pinned))
    _remember(state.assertions, event.assertion_expires_ns // _MINUTE_NS, event.assertion, True, journal)
    _forget_before(state.assertions, at_ns // _MINUTE_NS, journal)


def apply_authorised(state: State, event: SubmissionAuthorised, at_ns: int, journal: Journal) -> None:
    """Remembers the digest for as long as the authorisation lives."""
    _remember(state.authorisations, event.expires_ns // DAY_NS, event.tenant + event.submission, event.digest, journal)
    _forget_before(state.authorisations, at_ns // DAY_NS, journal)


def _remember(groups: dict, group: int, key: object, value: object, journal: Journal) -> None:  # type: ignore[type-arg]
    if group not in groups:
        journal.put(groups, group, {})
    journal.put(groups[group], key, value)


def _forget_before(groups: dict, group: int, journal: Journal) -> None:  # type: ignore[type-arg]
    for ended in [key for key in groups if key < group]:
        journal.remove(groups, ended)
