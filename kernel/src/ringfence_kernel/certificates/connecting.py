"""The certificate of this process as clients show it: gRPC's channels, and what Python's `ssl` connects."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import grpc

from ringfence_kernel.certificates.bundle import CertificateBundle, CertificateSource


def channel_credentials(bundle: CertificateBundle, workload_ca: bytes) -> grpc.ChannelCredentials:
    """Returns credentials that show `bundle`; gRPC's stay as they are made, so a renewal means a new channel."""
    return grpc.ssl_channel_credentials(workload_ca, bundle.private_key_pem, bundle.certificate_chain_pem)


def client_tls(certificate: CertificateSource, ca_file: Path) -> ssl.SSLContext:
    """Returns a TLS 1.3 client context that trusts `ca_file` and shows the certificate of the moment.

    The context follows renewals: connections made later show the new certificate.
    """
    context = ssl.create_default_context(cafile=str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _load(context, certificate.current)
    certificate.subscribe(lambda: _load(context, certificate.current))
    return context


def _load(context: ssl.SSLContext, bundle: CertificateBundle) -> None:
    """Goes through a file in memory, because OpenSSL's loader takes only paths and the key is never on a disk."""
    descriptor = os.memfd_create("ringfence-certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(bundle.private_key_pem + bundle.certificate_chain_pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
