"""Who the caller is: a principal's signing key, its client certificate, and whom it trusts in turn."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from ringfence.errors import CredentialsError
from ringfence.ids import new_id

FILE_NAME = "credentials.json"
ASSERTION_AUDIENCE = "ringfence-identity"
ASSERTION_SECONDS = 120
STATEMENT_AUDIENCE = "ringfence-identity-pins"
_OTHERS_MAY_READ = 0o077


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """`host:port` of each service, or several with commas between them: its leader and its standbys."""

    identity: str
    custody: str
    payment_instruction: str
    audit: str


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a principal needs to call the services; `ringfence keys` writes them into a directory.

    `tenant_id` is the platform that the principal belongs to, None for those above all platforms. The certificate's
    key and the signing key are two: the one opens the connection, the other signs client assertions. `folder` is where
    they were read: what the principal remembers of the log is kept there.
    """

    principal_id: UUID
    tenant_id: UUID | None
    signing_key: Ed25519PrivateKey = field(repr=False)
    certificate_chain_pem: bytes = field(repr=False)
    certificate_key_pem: bytes = field(repr=False)
    server_ca_pem: bytes = field(repr=False)
    addresses: Addresses | None = None
    folder: Path | None = field(default=None, compare=False)

    @classmethod
    def load(cls, path: Path | str) -> "Credentials":
        """Reads a credentials directory, or the JSON file in it; raises CredentialsError.

        Paths in the file are relative to its folder. Key files that others may read are refused.
        """
        file = Path(path)
        file = file / FILE_NAME if file.is_dir() else file
        folder, fields = file.parent, _read_json(file)
        try:
            return cls(
                principal_id=UUID(fields["principal_id"]),
                tenant_id=UUID(fields["tenant_id"]) if fields.get("tenant_id") else None,
                signing_key=_signing_key(folder / fields["signing_key_file"]),
                certificate_chain_pem=_read(folder / fields["certificate_file"]),
                certificate_key_pem=_read_private(folder / fields["certificate_key_file"]),
                server_ca_pem=_read(folder / fields["server_ca_file"]),
                addresses=Addresses(**fields["addresses"]) if fields.get("addresses") else None,
                folder=folder,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CredentialsError(f"{file} is not a credentials file: {error}") from None

    def assertion(self) -> str:
        """A client assertion (RFC 7523 section 3) for one call: EdDSA, a fresh `jti`, valid for two minutes."""
        now = int(time.time())
        claims = {
            "iss": str(self.principal_id),
            "sub": str(self.principal_id),
            "aud": ASSERTION_AUDIENCE,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": str(new_id()),
        }
        return jwt.encode(claims, self.signing_key, algorithm="EdDSA")

    def pin_statement(self, pins: Mapping[UUID, bytes]) -> str:
        """A JWT by which an operator says whose certificate is which, by the SHA-256 of its DER bytes.

        Identity takes two operators' word for principals that never had a certificate pinned.
        """
        claims = {
            "iss": str(self.principal_id),
            "aud": STATEMENT_AUDIENCE,
            "iat": int(time.time()),
            "pins": {str(principal): digest.hex() for principal, digest in pins.items()},
        }
        return jwt.encode(claims, self.signing_key, algorithm="EdDSA")

    @property
    def certificate_sha256(self) -> bytes:
        """The SHA-256 of the DER bytes of the client certificate, by which identity knows it."""
        certificate = load_pem_x509_certificate(self.certificate_chain_pem)
        return certificate.fingerprint(SHA256())


def written(path: Path, content: bytes) -> str:
    """Writes a file of a credentials directory whole, for its owner alone; returns its name."""
    temporary = path.with_name(f".{path.name}")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.replace(path)
    return path.name


def _read_json(file: Path) -> dict[str, Any]:
    try:
        fields = json.loads(_read(file))
    except ValueError as error:
        raise CredentialsError(f"{file} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise CredentialsError(f"{file} is not a credentials file")
    return fields


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CredentialsError(f"{file} cannot be read: {error.strerror}") from None


def _read_private(file: Path) -> bytes:
    content = _read(file)
    if file.stat().st_mode & _OTHERS_MAY_READ:
        raise CredentialsError(f"{file} can be read by others: chmod 600 {file}")
    return content


def _signing_key(file: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(_read_private(file), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise CredentialsError(f"{file} is not an Ed25519 key")
    return key
