"""The certificate of this process as its gRPC server shows it: every handshake after a renewal has the new one."""

from __future__ import annotations

from threading import Lock
from typing import Any

import grpc

from ringfence_kernel.certificates.bundle import CertificateBundle, CertificateSource


def server_credentials(certificate: CertificateSource, workload_ca: bytes, client_ca: bytes) -> grpc.ServerCredentials:
    """Returns credentials that show the certificate of the moment and require one from either issuer."""
    roots = workload_ca.rstrip() + b"\n" + client_ca  # PEM files may lack their last newline
    shown, lock = certificate.current, Lock()

    def configuration(bundle: CertificateBundle) -> grpc.ServerCertificateConfiguration:
        pair = (bundle.private_key_pem, bundle.certificate_chain_pem)
        return grpc.ssl_server_certificate_configuration([pair], roots)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Runs at every handshake, in threads of gRPC's; None leaves everything as it is.

        Whatever is returned replaces what other handshakes may be using at that moment, and then the process crashes
        (grpc/grpc#36693, open): so only ever a certificate that has changed.
        """
        nonlocal shown
        with lock:
            if certificate.current is shown:
                return None
            shown = certificate.current
            return configuration(shown)

    fetch: Any = renewed  # gRPC's documentation allows None, its stubs do not
    return grpc.dynamic_ssl_server_credentials(configuration(shown), fetch, require_client_authentication=True)
