"""Authorisations: payment-instruction may settle one submission of one tenant."""

from dataclasses import dataclass

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, show
from ringfence_kernel.writing.recent import LookedUp

from ringfence_identity.aliases.queries import AliasQueries
from ringfence_identity.principals.queries import ExistsWithDifferentData, Kind, PrincipalQueries, check_note
from ringfence_identity.tokens.domain.access import TOKEN_AUDIENCE
from ringfence_identity.tokens.domain.errors import AuthorisationNotFound, SubmissionRefused
from ringfence_identity.tokens.domain.events import AuthorisationRevoked, SubmissionAuthorised
from ringfence_identity.tokens.domain.holders import TokenHolder
from ringfence_identity.tokens.domain.state import Authorised, State, authorisation_key

AUTHORISATION_SECONDS = 30 * 86_400

AUTHORISATION_SCOPES = ("custody.transfers.create", "custody.book.read")
"""What payment-instruction may do in custody with the authorisation kept beside a submission."""

SUBMITTING_SCOPES = frozenset({"payments.submit", "payments.evidence", "payments.admin"})
"""An access token needs one of these before an authorisation is issued on its strength."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What payment-instruction received: the submitter's checked token, the submission and whom it is for."""

    holder: TokenHolder
    tenant: bytes
    id: bytes
    digest: bytes

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.id) != ID_BYTES:
            raise InvalidArgument("submission_id must be 16 bytes", field="submission_id")
        if len(self.digest) != 32:
            raise InvalidArgument("digest must be 32 bytes", field="digest")

    @property
    def key(self) -> bytes:
        """What its authorisation is known by."""
        return authorisation_key(self.tenant, self.id)


def authorise(
    state: State,
    principals: PrincipalQueries,
    aliases: AliasQueries,
    submission: Submission,
    token: bytes,
    now_ns: int,
    table: LookedUp[Authorised],
) -> list[SubmissionAuthorised]:
    """Authorises a submission; again for the same digest gives another token for the same.

    A platform submits for itself, a bank feed for a tenant that has an account with its bank, an operator for any: what
    lies in suspense is cleared. `table` is what was
    looked up of authorisations that have left memory. Raises SubmissionRefused,
    and ExistsWithDifferentData when the submission was authorised with another digest.
    """
    holder = submission.holder
    if state.has_ended(holder, now_ns):
        raise SubmissionRefused
    principal = principals.get(holder.subject)
    if principal is None or not principals.is_active(principal) or not principals.is_tenant(submission.tenant):
        raise SubmissionRefused
    if not holder.scopes & principal.scopes & SUBMITTING_SCOPES:
        raise SubmissionRefused
    is_feed = principal.kind is Kind.BANK_FEED
    if is_feed and not aliases.speaks_for(principal.id, submission.tenant):
        raise SubmissionRefused
    is_operator = principal.kind is Kind.OPERATOR and "payments.admin" in holder.scopes
    if not is_feed and not is_operator and principal.tenant != submission.tenant:
        raise SubmissionRefused
    if state.is_revoked(submission.key):
        raise SubmissionRefused
    known = state.authorised_digest(submission.key, table, now_ns)
    if known not in (None, submission.digest):
        raise ExistsWithDifferentData
    expires_ns = (now_ns // NANOSECONDS + AUTHORISATION_SECONDS) * NANOSECONDS
    return [
        SubmissionAuthorised(submission.tenant, submission.id, submission.digest, holder.subject, token, expires_ns)
    ]


def revoke(
    state: State, tenant: bytes, submission_id: bytes, note: str, by: bytes, now_ns: int, table: LookedUp[Authorised]
) -> list[AuthorisationRevoked]:
    """Ends a submission's authorisation for good; again changes nothing.

    Raises InvalidArgument, and AuthorisationNotFound where there is none, or not any more.
    """
    check_note(note)
    key = authorisation_key(tenant, submission_id)
    if state.is_revoked(key):
        return []
    authorised = state.authorised(key, table, now_ns)
    if authorised is None:
        raise AuthorisationNotFound
    return [AuthorisationRevoked(tenant, submission_id, note, by, authorised.expires_ns)]


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
