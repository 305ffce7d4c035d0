"""Throw-away certificate authorities, certificates and tokens for the tests of `rpc`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from ringfence_kernel.access.peer_certificates import thumbprint
from ringfence_kernel.certificates.bundle import CertificateBundle
from ringfence_kernel.values.clock import NANOSECONDS

TRUST_DOMAIN = "ringfence.local"
ISSUER = "ringfence-identity"
AUDIENCE = "ringfence"
KEY_ID = "identity-token.v1"


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    bundle: CertificateBundle

    @property
    def thumbprint(self) -> str:
        """Its x5t#S256."""
        return thumbprint(self.certificate)


class TestAuthority:
    """Issues whatever a test asks for."""

    __test__ = False

    def __init__(self, name: str) -> None:
        """Makes a self-signed root."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._name, self._key, timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = _pem(builder.sign(self._key, hashes.SHA256()))

    def issue(self, *uris: str, dns: tuple[str, ...] = (), lifetime: timedelta = timedelta(hours=1)) -> Issued:
        """Issues a leaf with these URI and DNS names."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, dns)]
        builder = _builder(x509.Name([]), self._name, key, lifetime)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        certificate = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        not_after_ns = int(certificate.not_valid_after_utc.timestamp()) * NANOSECONDS
        return Issued(certificate, CertificateBundle(private, _pem(certificate), not_after_ns))

    def service(self, name: str, *, lifetime: timedelta = timedelta(hours=1)) -> Issued:
        """Issues a workload certificate."""
        return self.issue(f"spiffe://{TRUST_DOMAIN}/service/{name}", dns=(name, "localhost"), lifetime=lifetime)

    def principal(self, identifier: uuid.UUID | None = None) -> Issued:
        """Issues a client certificate."""
        return self.issue(f"spiffe://{TRUST_DOMAIN}/principal/{identifier or uuid.uuid4()}")


def token(
    key: Ed25519PrivateKey,
    bound_to: Issued | None,
    *,
    now_ns: int,
    key_id: str = KEY_ID,
    kind: str = "at+jwt",
    **claims: Any,
) -> str:
    """Signs an access token that a test may bend by claims (None leaves one out)."""
    now = now_ns // NANOSECONDS
    content: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(uuid.uuid4()),
        "tenant": str(uuid.uuid4()),
        "roles": ["platform"],
        "scope": "test.write test.read",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    if bound_to is not None:
        content["cnf"] = {"x5t#S256": bound_to.thumbprint}
    content |= claims
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm="EdDSA", headers={"kid": key_id, "typ": kind})


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + lifetime)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
