"""From the certificate of a connection to an identity (SPIFFE X.509-SVID section 2; RFC 8705 section 3.1)."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from ringfence_kernel.access.refusals import CertificateRequired, TlsVersionRefused
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.values.ids import external_id

AuthContext = Mapping[str, Iterable[bytes]]

_MAXIMUM_REMEMBERED = 4_096
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """The identity in a certificate: `name` is a service's name or a principal's UUID text."""

    kind: Literal["service", "principal"]
    name: str
    spiffe_id: str
    thumbprint: str
    subject: bytes
    not_before_ns: int
    not_after_ns: int


class PeerCertificates:
    """Identifies callers; each kind of identity is accepted from its own issuer only."""

    def __init__(self, workload_ca: TrustBundle, client_ca: TrustBundle, trust_domain: str, clock: Clock) -> None:
        """Takes both issuers as bundles; a leaf is signed directly by a certificate of its bundle."""
        self._bundles = {"service": workload_ca, "principal": client_ca}
        self._prefix = f"spiffe://{trust_domain}/"
        self._clock = clock
        for bundle in self._bundles.values():
            bundle.subscribe(self._begin_anew)
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Reads the issuers, and forgets whom they vouched for: also callers whose connection is open."""
        self._issuers = {
            kind: tuple(x509.load_pem_x509_certificates(bundle.current)) for kind, bundle in self._bundles.items()
        }
        self._seen: BoundedCache[bytes, PeerIdentity] = BoundedCache(_MAXIMUM_REMEMBERED)

    def identify(self, connection: AuthContext) -> PeerIdentity:
        """Returns the identity of a TLS 1.3 connection's certificate, checked for this very moment.

        An open connection outlives its certificate, so the times are compared on every call.
        Raises TlsVersionRefused or CertificateRequired.
        """
        if _only(connection, "ssl_tls_version") != b"TLSv1.3":
            raise TlsVersionRefused
        pem = _only(connection, "x509_pem_cert")
        identity = self._seen.get(pem)
        if identity is None:
            identity = self._read(pem)
            self._seen.put(pem, identity)
        if not identity.not_before_ns <= self._clock.now_ns() < identity.not_after_ns:
            raise CertificateRequired
        return identity

    def _read(self, pem: bytes) -> PeerIdentity:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
            raise CertificateRequired from None
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        if len(uris) != 1 or not uris[0].startswith(self._prefix):
            raise CertificateRequired
        kind, name, subject = _parse_path(uris[0], uris[0].removeprefix(self._prefix))
        if not any(_issued_by(certificate, issuer) for issuer in self._issuers[kind]):
            raise CertificateRequired
        return PeerIdentity(
            kind=kind,
            name=name,
            spiffe_id=uris[0],
            thumbprint=thumbprint(certificate),
            subject=subject,
            not_before_ns=int(certificate.not_valid_before_utc.timestamp()) * NANOSECONDS,
            not_after_ns=int(certificate.not_valid_after_utc.timestamp()) * NANOSECONDS,
        )


def thumbprint(certificate: x509.Certificate) -> str:
    """Returns `x5t#S256`: base64url without padding of the SHA-256 of the DER bytes (RFC 8705 section 3.1)."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def _only(connection: AuthContext, key: str) -> bytes:
    values = list(connection.get(key, ()))
    if len(values) != 1:
        raise CertificateRequired
    return values[0]


def _parse_path(spiffe_id: str, path: str) -> tuple[Literal["service", "principal"], str, bytes]:
    kind, _, name = path.partition("/")
    if kind == "service" and name and _NAME_CHARACTERS.issuperset(name):
        return "service", name, external_id("workload", b"", spiffe_id)
    if kind == "principal":
        try:
            subject = uuid.UUID(name)
        except ValueError:
            raise CertificateRequired from None
        if str(subject) == name:
            return "principal", name, subject.bytes
    raise CertificateRequired


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
