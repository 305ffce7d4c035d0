"""Reads an access token that another service was shown, as that service would."""

from dataclasses import dataclass

from ringfence_kernel.access.peer_certificates import PeerIdentity
from ringfence_kernel.access.refusals import TokenExpired, TokenInvalid, TokenNotBound
from ringfence_kernel.access.tokens import TokenVerifier

from ringfence_identity.tokens.domain.bearers import thumbprint
from ringfence_identity.tokens.domain.errors import SubmissionRefused
from ringfence_identity.tokens.domain.holders import TokenHolder


@dataclass(frozen=True, slots=True)
class VerifiedTokenReader:
    """A TokenReader over the kernel's verifier."""

    verifier: TokenVerifier

    async def read(self, token: str, certificate_sha256: bytes) -> TokenHolder:
        """Returns whose token it is; raises SubmissionRefused without saying why."""
        # Only the thumbprint can match: no token is bound to an empty SPIFFE id.
        holder = PeerIdentity("principal", "", "", thumbprint(certificate_sha256), b"", 0, 0)
        try:
            verified = await self.verifier.verify(token, holder)
        except (TokenInvalid, TokenExpired, TokenNotBound):
            raise SubmissionRefused from None
        return TokenHolder(
            verified.subject, verified.tenant, verified.scopes, certificate_sha256, verified.identity_position
        )
