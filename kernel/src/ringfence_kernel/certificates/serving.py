"""The certificate of this process as its servers show it: every handshake after a renewal has the new one."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from threading import Lock
from typing import Any

import grpc

from ringfence_kernel.certificates.bundle import CertificateBundle, CertificateSource
from ringfence_kernel.certificates.connecting import following
from ringfence_kernel.certificates.trust import TrustBundle


def server_credentials(
    certificate: CertificateSource, workload_ca: TrustBundle, client_ca: TrustBundle
) -> grpc.ServerCredentials:
    """Returns credentials that show the certificate and require one from either issuer, each as of the moment."""

    def now() -> tuple[CertificateBundle, bytes, bytes]:
        return certificate.current, workload_ca.current, client_ca.current

    shown, lock = now(), Lock()

    def configuration(
        bundle: CertificateBundle, workload_roots: bytes, client_roots: bytes
    ) -> grpc.ServerCertificateConfiguration:
        pair = (bundle.private_key_pem, bundle.certificate_chain_pem)
        return grpc.ssl_server_certificate_configuration([pair], workload_roots + client_roots)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Runs at every handshake, in threads of gRPC's; None leaves everything as it is.

        Whatever is returned replaces what other handshakes may be using at that moment, and then the process crashes
        (grpc/grpc#36693, open): so only ever what has changed.
        """
        nonlocal shown
        with lock:
            if (current := now()) == shown:
                return None
            shown = current
            return configuration(*shown)

    fetch: Any = renewed  # gRPC's documentation allows None, its stubs do not
    return grpc.dynamic_ssl_server_credentials(configuration(*shown), fetch, require_client_authentication=True)


def server_tls(
    certificate: CertificateSource, clients: TrustBundle, replaced: Callable[[ssl.SSLContext], None]
) -> ssl.SSLContext:
    """Returns a TLS 1.3 server context that shows the certificate of the moment, and asks for one of `clients`.

    Who shows none is let in: whoever answers requests looks at who asks. The context follows renewals. It cannot forget
    an issuer: when those of `clients` change, `replaced` is called with the context that takes its place.
    """
    return following(certificate, clients, _server_context, replaced)


def _server_context(trusted: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=trusted)
    context.num_tickets = 0  # a resumed session would show a certificate that was checked under older issuers
    return context
