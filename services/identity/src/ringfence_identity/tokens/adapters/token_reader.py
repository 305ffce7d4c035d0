"""Reads an access token that another service was shown, as that service would."""

from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.peer_certificates import PeerIdentity
from ringfence_kernel.access.refusals import TokenExpired, TokenInvalid, TokenNotBound
from ringfence_kernel.access.tokens import TokenVerifier

from ringfence_identity.tokens.domain.bearers import thumbprint
from ringfence_identity.tokens.domain.errors import SubmissionRefused


@dataclass(frozen=True, slots=True)
class VerifiedTokenReader:
    """A TokenReader over the kernel's verifier."""

    verifier: TokenVerifier

    async def read(self, token: str, certificate_sha256: bytes) -> Caller:
        """Returns whose token it is; raises SubmissionRefused without saying why."""
        # Only the thumbprint can match: no token is bound to an empty SPIFFE id.
        holder = PeerIdentity("principal", "", "", thumbprint(certificate_sha256), b"", 0, 0)
        try:
            verified = await self.verifier.verify(token, holder)
        except (TokenInvalid, TokenExpired, TokenNotBound):
            raise SubmissionRefused from None
        return Caller(
            spiffe_id="",
            service=None,
            subject=verified.subject,
            certificate_thumbprint=holder.thumbprint,
            tenant=verified.tenant,
            scopes=verified.scopes,
            token=token,
            identity_position=verified.identity_position,
        )
