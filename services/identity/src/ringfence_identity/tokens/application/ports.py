"""What issuing tokens needs from outside: signatures, checked tokens, certificates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ringfence_identity.tokens.domain.holders import TokenHolder


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A client certificate and its issuer's chain in PEM, the SHA-256 of its DER bytes, and its end in UTC ns."""

    certificate_pem: str
    issuer_chain_pem: str
    sha256: bytes
    expires_ns: int


class TokenSigner(Protocol):
    """Signs tokens with the newest version of the token key."""

    async def sign(self, claims: Mapping[str, object]) -> str:
        """Returns a signed JWT; raises VaultUnavailable."""


class TokenReader(Protocol):
    """Verifies access tokens that somebody else was shown."""

    async def read(self, token: str, certificate_sha256: bytes) -> TokenHolder:
        """Returns whose it is, if genuine, in time and bound to that certificate; raises SubmissionRefused."""


class ClientIssuer(Protocol):
    """Issues client certificates."""

    async def issue(self, request_pem: str, principal: bytes) -> IssuedCertificate:
        """Signs a PKCS #10 request that names this principal alone; raises InvalidArgument, VaultUnavailable."""


class KeySet(Protocol):
    """Publishes the public keys of tokens."""

    async def jwks(self) -> str:
        """Returns the JSON Web Key Set of every version that may still have a living token (RFC 7517, RFC 8037)."""
