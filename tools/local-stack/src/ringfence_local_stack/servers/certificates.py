"""Keys, signing requests and a throw-away certificate authority (X.509, RFC 5280; SPIFFE ids as URI names)."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.processes.ports import LOOPBACK

TRUST_DOMAIN = "ringfence.local"
_VALIDITY = timedelta(days=3650)


@dataclass(frozen=True)
class CertificateFiles:
    """A certificate chain and its private key (mode 0600), both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class SigningRequest:
    """A PKCS#10 request (RFC 2986) with the private key that stays behind, both PEM."""

    csr: str
    key: str

    def save(self, certificate: str, folder: Path, name: str) -> CertificateFiles:
        """Writes the signed `certificate` and the key as `<name>.pem` and `<name>.key` into `folder`."""
        key = write_private(folder / f"{name}.key", self.key)
        return CertificateFiles(write_private(folder / f"{name}.pem", certificate), key)


def service_id(service: str) -> str:
    """SPIFFE id of a service's workload."""
    return f"spiffe://{TRUST_DOMAIN}/service/{service}"


def principal_id(principal: str) -> str:
    """SPIFFE id of a client principal, given its UUID text."""
    return f"spiffe://{TRUST_DOMAIN}/principal/{principal}"


def infrastructure_id(name: str) -> str:
    """SPIFFE id of a server or a drill of the stack itself."""
    return f"spiffe://{TRUST_DOMAIN}/infrastructure/{name}"


def signing_request(uri: str, *, on_loopback: bool) -> SigningRequest:
    """A fresh P-256 key and a request naming `uri`, and with `on_loopback` also localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(_names(uri, on_loopback), False)
    csr = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return SigningRequest(csr, _key_pem(key))


class Authority:
    """A certificate authority that lives in memory: its key is never written, so nothing can be signed later."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_certificate_signing(), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def certificate(self) -> str:
        """The authority's own certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, uri: str, folder: Path, name: str) -> CertificateFiles:
        """Issues a certificate for `uri` on the loopback address, for server and client use."""
        request = signing_request(uri, on_loopback=True)
        return request.save(self.sign(request.csr), folder, name)

    def sign(self, csr: str) -> str:
        """Signs a PEM request with the names it asks for; returns the certificate, PEM."""
        request = x509.load_pem_x509_csr(csr.encode())
        builder = _builder(x509.Name([]), self._name, request.public_key())
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        # RFC 5280 section 4.2.1.6: critical because the subject is empty.
        builder = builder.add_extension(names, critical=True).add_extension(usage, critical=False)
        builder = builder.add_extension(issuer_key, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | object) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)  # type: ignore[arg-type]
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(minutes=1)).not_valid_after(now + _VALIDITY)


def _names(uri: str, on_loopback: bool) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    if on_loopback:
        names += [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    return x509.SubjectAlternativeName(names)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, container = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, container, serialization.NoEncryption()).decode()


def _certificate_signing() -> x509.KeyUsage:
    unused = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **unused)
