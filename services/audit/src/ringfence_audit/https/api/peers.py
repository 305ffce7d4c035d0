"""Who is at the other end of a connection, by the client certificate that it was opened with."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.access.refusals import CertificateRequired

CERTIFICATE = "ringfence.peer_certificate"
"""Where a connection's client certificate (PEM) stands in a request's `state`; empty where there is none."""


def principal_of(scope: Any, certificates: PeerCertificates) -> Caller:
    """Gives who shows a principal's certificate, valid at this moment; raises CertificateRequired."""
    pem = scope["state"].get(CERTIFICATE, b"")
    if not pem:
        raise CertificateRequired
    peer = certificates.identify({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [pem]})
    if peer.kind != "principal":
        raise CertificateRequired
    return Caller(peer.spiffe_id, None, peer.subject, peer.thumbprint)
