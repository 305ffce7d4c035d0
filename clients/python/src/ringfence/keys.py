"""Keys of a principal, and the request by which a certificate is asked for (PKCS#10, RFC 2986)."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def new_connection_key() -> ec.EllipticCurvePrivateKey:
    """Makes the key of a client certificate, P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate_request(key: ec.EllipticCurvePrivateKey, uri: str) -> bytes:
    """Asks for a certificate of a key under a SPIFFE id, which is its only name; PEM."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=True)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def private_pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    """Gives a private key as PEM (PKCS#8), unencrypted: the file's mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def uris_of(named: x509.Certificate | x509.CertificateSigningRequest) -> list[str]:
    """Gives the URI names of a certificate or a request; none where it has no names."""
    try:
        names = named.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
