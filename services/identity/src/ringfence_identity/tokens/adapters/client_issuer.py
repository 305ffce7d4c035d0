"""Client certificates from the issuer `pki-client`."""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import show
from ringfence_kernel.vault import Pki

from ringfence_identity.tokens.application.ports import IssuedCertificate


@dataclass(frozen=True, slots=True)
class VaultClientIssuer:
    """A ClientIssuer over Vault's PKI engine."""

    pki: Pki
    trust_domain: str

    async def issue(self, request_pem: str, principal: bytes) -> IssuedCertificate:
        """Signs a request whose only name is the principal's SPIFFE id; raises InvalidArgument, VaultUnavailable."""
        spiffe_id = f"spiffe://{self.trust_domain}/principal/{show(principal)}"
        check_request(request_pem, spiffe_id)
        issued = await self.pki.sign_client(request_pem, spiffe_id)
        certificate = x509.load_pem_x509_certificate(issued.certificate_pem.encode())
        if _uris(certificate.extensions) != [spiffe_id]:
            raise AssertionError("the issuer named somebody else in a client certificate")
        digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        return IssuedCertificate(issued.certificate_pem, issued.chain_pem, digest, issued.not_after_ns)


def check_request(request_pem: str, spiffe_id: str) -> None:
    """Raises InvalidArgument unless this is a P-256 request, signed by its key, with this URI as its only name."""
    try:
        request = x509.load_pem_x509_csr(request_pem.encode())
        key = request.public_key()
        is_signed = request.is_signature_valid
        names = _uris(request.extensions)
    except Exception as error:  # whatever a hostile request makes the parser raise
        raise _refusal() from error
    if not is_signed or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refusal()
    if names != [spiffe_id]:
        raise _refusal()


def _uris(extensions: x509.Extensions) -> list[str]:
    """Returns all subject alternative names as texts; a name that is no URI spoils the list."""
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [name.value if isinstance(name, x509.UniformResourceIdentifier) else "" for name in names]


def _refusal() -> InvalidArgument:
    return InvalidArgument(
        "the request must have a P-256 key and the principal's SPIFFE id as its only name",
        field="certificate_request_pem",
    )
