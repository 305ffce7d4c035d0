"""TokenService: each method maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import current_caller
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import TokenServiceServicer

from ringfence_identity.api import mapping
from ringfence_identity.principals.application import PrincipalCommands
from ringfence_identity.tokens.application.ports import KeySet
from ringfence_identity.tokens.application.tokens import TokenCommands

MAX_PRINCIPALS = 100
MAX_SCOPES = 32
MAX_ASSERTION = 4_096
MAX_TOKEN = 8_192
MAX_CERTIFICATE_REQUEST = 16_384


@dataclass(frozen=True, slots=True)
class TokenServicer(TokenServiceServicer):
    """Serves tokens, certificates and principals."""

    tokens: TokenCommands
    principals: PrincipalCommands
    key_set: KeySet

    async def IssueToken(self, request: pb.IssueTokenRequest, context: Any) -> pb.IssueTokenResponse:
        """Issues an access token."""
        bounds.size("client_assertion", len(request.client_assertion), minimum=1, maximum=MAX_ASSERTION)
        bounds.size("scopes", len(request.scopes), maximum=MAX_SCOPES)
        issued = await self.tokens.issue(
            request.client_assertion, frozenset(request.scopes), mapping.presented(current_caller())
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
        issued = await self.tokens.enrol(request.client_assertion, csr, mapping.presented(current_caller()))
        return pb.EnrolResponse(certificate_pem=issued.certificate_pem, issuer_chain_pem=issued.issuer_chain_pem)

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Any) -> pb.RotateKeyResponse:
        """Rotates the caller's assertion key."""
        ends_ns = await self.principals.rotate_key(
            current_caller().subject, request.public_key, request.overlap_seconds
        )
        return pb.RotateKeyResponse(older_keys_end_ns=ends_ns)

    async def RegisterPrincipals(
        self, request: pb.RegisterPrincipalsRequest, context: Any
    ) -> pb.RegisterPrincipalsResponse:
        """Registers principals."""
        bounds.size("principals", len(request.principals), maximum=MAX_PRINCIPALS)
        items = mapping.each_item(request.principals, mapping.new_principal)
        reasons = await self.principals.register(items, current_caller().subject)
        return pb.RegisterPrincipalsResponse(results=mapping.results(reasons))

    async def ConfirmPrincipals(
        self, request: pb.ConfirmPrincipalsRequest, context: Any
    ) -> pb.ConfirmPrincipalsResponse:
        """Confirms principals."""
        bounds.size("principal_ids", len(request.principal_ids), maximum=MAX_PRINCIPALS)
        reasons = await self.principals.confirm(list(request.principal_ids), current_caller().subject)
        return pb.ConfirmPrincipalsResponse(results=mapping.results(reasons))

    async def SuspendPrincipals(
        self, request: pb.SuspendPrincipalsRequest, context: Any
    ) -> pb.SuspendPrincipalsResponse:
        """Suspends principals."""
        bounds.size("principal_ids", len(request.principal_ids), maximum=MAX_PRINCIPALS)
        note = bounds.text("note", request.note, maximum=280)
        reasons = await self.principals.suspend(list(request.principal_ids), note, current_caller().subject)
        return pb.SuspendPrincipalsResponse(results=mapping.results(reasons))

    async def AuthoriseSubmission(
        self, request: pb.AuthoriseSubmissionRequest, context: Any
    ) -> pb.AuthoriseSubmissionResponse:
        """Authorises a submission."""
        bounds.size("access_token", len(request.access_token), minimum=1, maximum=MAX_TOKEN)
        bounds.size("certificate_sha256", len(request.certificate_sha256), minimum=32, maximum=32)
        authorisation = await self.tokens.authorise(
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
