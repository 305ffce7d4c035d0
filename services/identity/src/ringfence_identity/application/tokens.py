"""Issues tokens and certificates for assertions, and authorisations for submissions.

A token is signed before the commit and released after it: a failed signature spends nothing, and nothing leaves that
is not recorded.
"""

from dataclasses import dataclass

from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.application import assertions
from ringfence_identity.application.batches import commit, record_all
from ringfence_identity.application.ports import ClientIssuer, IssuedCertificate, TokenReader, TokenSigner
from ringfence_identity.domain import tokens
from ringfence_identity.domain.state import State
from ringfence_identity.domain.tokens import ACCESS_TOKEN_SECONDS, Presented, Submission


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed access token and what it is good for."""

    token: str
    expires_in_seconds: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A signed authorisation and its end in UTC nanoseconds."""

    token: str
    expires_ns: int


@dataclass(frozen=True, slots=True)
class TokenCommands:
    """Handlers of the token methods. `issuer` is the `iss` of every token."""

    writer: GroupWriter
    state: State
    clock: Clock
    signer: TokenSigner
    reader: TokenReader
    certificates: ClientIssuer
    issuer: str

    async def issue(self, text: str, wanted: frozenset[str], presented: Presented) -> AccessToken:
        """Returns an access token for an assertion, bound to the certificate presented.

        Raises AssertionInvalid, AssertionExpired, AssertionReplayed, CertificateMismatch, PrincipalNotActive,
        ScopeNotHeld, VaultUnavailable.
        """
        now_ns = self.clock.now_ns()
        assertion = assertions.verify(self.state, text, now_ns)
        grant = tokens.grant_access(self.state, assertion, presented, wanted, new_id(), now_ns)
        signed = await self.signer.sign(tokens.access_claims(grant, self.issuer))

        def spend(unit: Unit) -> None:
            record_all(unit, tokens.issue(self.state, assertion, presented, grant, unit.now_ns))

        await commit(self.writer, spend)
        return AccessToken(signed, ACCESS_TOKEN_SECONDS, grant.scopes)

    async def enrol(self, text: str, request_pem: str, presented: Presented) -> IssuedCertificate:
        """Returns a new client certificate for a principal that shows its present one.

        Raises as `issue`, and InvalidArgument for a request that names anything but the principal.
        """
        now_ns = self.clock.now_ns()
        assertion = assertions.verify(self.state, text, now_ns)
        tokens.require_unspent(self.state, assertion, now_ns)
        tokens.require_bearer(self.state, assertion, presented)
        issued = await self.certificates.issue(request_pem, assertion.principal)

        def spend(unit: Unit) -> None:
            events = tokens.enrol(self.state, assertion, presented, issued.sha256, issued.expires_ns, unit.now_ns)
            record_all(unit, events)

        await commit(self.writer, spend)
        return issued

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

        Raises SubmissionRefused, InvalidArgument, ExistsWithDifferentData, VaultUnavailable.
        """
        submitter = await self.reader.read(access_token, certificate_sha256)
        submission = Submission(submitter.subject, submitter.scopes, tenant, submission_id, digest)
        now_ns, token = self.clock.now_ns(), new_id()
        (event,) = tokens.authorise(self.state, submission, token, now_ns)
        signed = await self.signer.sign(tokens.authorisation_claims(event, self.issuer, holder, now_ns))
        await commit(
            self.writer, lambda unit: record_all(unit, tokens.authorise(self.state, submission, token, now_ns))
        )
        return Authorisation(signed, event.expires_ns)
