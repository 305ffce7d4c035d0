"""What the application needs from outside: signatures, subjects' keys, certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_kernel.store.recorder import Within


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A subject's AES-256 key: 32 bytes, empty when unknown or destroyed."""

    key: bytes = field(default=b"", repr=False)
    destroyed: bool = False


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A client certificate and its issuer's chain in PEM, the SHA-256 of its DER bytes, and its end in UTC ns."""

    certificate_pem: str
    issuer_chain_pem: str
    sha256: bytes
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who an access token was issued to, and its scopes."""

    subject: bytes
    scopes: frozenset[str]


class TokenSigner(Protocol):
    """Signs tokens with the newest version of the token key."""

    async def sign(self, claims: Mapping[str, object]) -> str:
        """Returns a signed JWT; raises VaultUnavailable."""


class TokenReader(Protocol):
    """Verifies access tokens that somebody else was shown."""

    async def read(self, token: str, certificate_sha256: bytes) -> Submitter:
        """Returns whose it is, if genuine, in time and bound to that certificate; raises SubmissionRefused."""


class ClientIssuer(Protocol):
    """Issues client certificates."""

    async def issue(self, request_pem: str, principal: bytes) -> IssuedCertificate:
        """Signs a PKCS #10 request that names this principal alone; raises InvalidArgument, VaultUnavailable."""


class SubjectKeys(Protocol):
    """Keeps the data key of every subject, wrapped at rest, destroyed with the subject."""

    async def fetch(self, subjects: Sequence[bytes], *, create: bool) -> dict[bytes, SubjectKey]:
        """Returns one key per subject, with `create` made where missing; raises VaultUnavailable, StoreUnavailable."""

    async def blind_index_key(self) -> bytes:
        """Returns the key of the blind indexes, 32 bytes; raises VaultUnavailable."""

    def destruction(self, subject: bytes) -> Within:
        """Returns the statements that destroy a key, to be committed with the tombstone. Repeating them is harmless."""

    def forget(self, subjects: Sequence[bytes]) -> None:
        """Drops keys from memory."""


class KeySet(Protocol):
    """Publishes the public keys of tokens."""

    async def jwks(self) -> str:
        """Returns the JSON Web Key Set of every version that may still have a living token (RFC 7517, RFC 8037)."""
