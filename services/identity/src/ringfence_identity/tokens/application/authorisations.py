"""Issues authorisations for submissions, on the strength of the submitter's access token.

A token is signed before the commit and released after it: a failed signature spends nothing, and nothing leaves that
is not recorded.
"""

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock, require_past
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.writing.looking_up import Knowing
from ringfence_kernel.writing.recent import LookedUp
from ringfence_kernel.writing.writer import Unit

from ringfence_identity.aliases.queries import AliasQueries
from ringfence_identity.batches import record_all
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.application.ports import TokenReader, TokenSigner
from ringfence_identity.tokens.domain import authorisations
from ringfence_identity.tokens.domain.authorisations import Submission
from ringfence_identity.tokens.domain.events import SubmissionAuthorised
from ringfence_identity.tokens.domain.state import Authorised, State, authorisation_key


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A signed authorisation and its end in UTC nanoseconds."""

    token: str
    expires_ns: int


@dataclass(frozen=True, slots=True)
class AuthorisationCommands:
    """Handlers of AuthoriseSubmission and RevokeAuthorisation. `issuer` is the `iss` of every authorisation."""

    state: State
    principals: PrincipalQueries
    aliases: AliasQueries
    clock: Clock
    signer: TokenSigner
    reader: TokenReader
    known: Knowing[Authorised]
    issuer: str

    async def authorise(
        self,
        access_token: str,
        certificate_sha256: bytes,
        tenant: bytes,
        submission_id: bytes,
        digest: bytes,
        holder: str,
    ) -> Authorisation:
        """Returns an authorisation for one submission, held by the workload `holder` (a SPIFFE id).

        Raises SubmissionRefused, InvalidArgument, ExistsWithDifferentData, VaultUnavailable, StoreUnavailable,
        ClockWrong.
        """
        submitter = await self.reader.read(access_token, certificate_sha256)
        submission = Submission(submitter, tenant, submission_id, digest)
        now_ns, token = self.clock.now_ns(), new_id()
        (event,) = self._decide(submission, token, now_ns, LookedUp(0))
        claims = authorisations.authorisation_claims(event, self.issuer, holder, now_ns)
        looking = self.known.begin([submission.key])
        signed = await self.signer.sign(claims)

        def record(unit: Unit, table: LookedUp[Authorised]) -> None:
            require_past(now_ns, unit.now_ns)
            record_all(unit, self._decide(submission, token, now_ns, table))

        await self.known.commit([submission.key], record, looking=looking)
        return Authorisation(signed, event.expires_ns)

    async def revoke(self, tenant: bytes, submission_id: bytes, note: str, by: bytes) -> None:
        """Ends an authorisation; raises AuthorisationNotFound, InvalidArgument, StoreUnavailable."""

        def record(unit: Unit, table: LookedUp[Authorised]) -> None:
            events = authorisations.revoke(self.state, tenant, submission_id, note, by, unit.now_ns, table)
            record_all(unit, events)

        await self.known.commit([authorisation_key(tenant, submission_id)], record)

    def _decide(
        self, submission: Submission, token: bytes, now_ns: int, table: LookedUp[Authorised]
    ) -> list[SubmissionAuthorised]:
        return authorisations.authorise(self.state, self.principals, self.aliases, submission, token, now_ns, table)
