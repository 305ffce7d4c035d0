"""Methods of TokenService about tokens and certificates: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import Caller, current_caller
from ringfence_kernel.rpc import bounds
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity.tokens.application.access import AccessCommands
from ringfence_identity.tokens.application.authorisations import AuthorisationCommands
from ringfence_identity.tokens.application.enrolment import EnrolmentCommands
from ringfence_identity.tokens.application.ports import KeySet
from ringfence_identity.tokens.domain.bearers import Presented
from ringfence_identity.tokens.domain.errors import AuthorisationNotFound

MAX_SCOPES = 32
MAX_ASSERTION = 4_096
MAX_TOKEN = 8_192
MAX_CERTIFICATE_REQUEST = 16_384


@dataclass(frozen=True, slots=True)
class TokenApi:
    """Serves tokens and certificates."""

    access: AccessCommands
    enrolment: EnrolmentCommands
    authorisations: AuthorisationCommands
    key_set: KeySet

    async def IssueToken(self, request: pb.IssueTokenRequest, context: Any) -> pb.IssueTokenResponse:
        """Issues an access token."""
        bounds.size("client_assertion", len(request.client_assertion), minimum=1, maximum=MAX_ASSERTION)
        bounds.size("scopes", len(request.scopes), maximum=MAX_SCOPES)
        issued = await self.access.issue(
            request.client_assertion, frozenset(request.scopes), _presented(current_caller())
        )
        return pb.IssueTokenResponse(
            access_token=issued.token, expires_in_seconds=issued.expires_in_seconds, scopes=issued.scopes
        )

    async def GetJwks(self, request: pb.GetJwksRequest, context: Any) -> pb.GetJwksResponse:
        """Returns the public keys of tokens."""
        return pb.GetJwksResponse(jwks_json=await self.key_set.jwks())

    async def Enrol(self, request: pb.EnrolRequest, context: Any) -> pb.EnrolResponse:
        """Issues a client certificate."""
        bounds.size("client_assertion", len(request.client_assertion), minimum=1, maximum=MAX_ASSERTION)
        csr = request.certificate_request_pem
        bounds.size("certificate_request_pem", len(csr), minimum=1, maximum=MAX_CERTIFICATE_REQUEST)
        issued = await self.enrolment.enrol(request.client_assertion, csr, _presented(current_caller()))
        return pb.EnrolResponse(certificate_pem=issued.certificate_pem, issuer_chain_pem=issued.issuer_chain_pem)

    async def AuthoriseSubmission(
        self, request: pb.AuthoriseSubmissionRequest, context: Any
    ) -> pb.AuthoriseSubmissionResponse:
        """Authorises a submission."""
        bounds.size("access_token", len(request.access_token), minimum=1, maximum=MAX_TOKEN)
        bounds.size("certificate_sha256", len(request.certificate_sha256), minimum=32, maximum=32)
        authorisation = await self.authorisations.authorise(
            request.access_token,
            request.certificate_sha256,
            bounds.identifier("tenant_id", request.tenant_id),
            bounds.identifier("submission_id", request.submission_id),
            request.digest,
            current_caller().spiffe_id,
        )
        return pb.AuthoriseSubmissionResponse(
            authorisation_token=authorisation.token, expires_ns=authorisation.expires_ns
        )

    async def RevokeAuthorisation(
        self, request: pb.RevokeAuthorisationRequest, context: Any
    ) -> pb.RevokeAuthorisationResponse:
        """Ends an authorisation."""
        caller, tenant = current_caller(), bounds.identifier("tenant_id", request.tenant_id)
        submission = bounds.identifier("submission_id", request.submission_id)
        if caller.tenant not in (None, tenant):
            raise AuthorisationNotFound
        await self.authorisations.revoke(tenant, submission, request.note, caller.subject)
        return pb.RevokeAuthorisationResponse()


def _presented(caller: Caller) -> Presented:
    """Returns the certificate of the call."""
    return Presented(caller.subject, caller.certificate_sha256)
