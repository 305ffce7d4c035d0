"""The certificate of this process as clients show it: gRPC's channels, and what Python's `ssl` connects."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable

import grpc

from ringfence_kernel.certificates.bundle import CertificateBundle, CertificateSource
from ringfence_kernel.certificates.trust import TrustBundle


def channel_credentials(bundle: CertificateBundle, workload_ca: bytes) -> grpc.ChannelCredentials:
    """Returns credentials that show `bundle`; gRPC's stay as they are made, so a renewal means a new channel."""
    return grpc.ssl_channel_credentials(workload_ca, bundle.private_key_pem, bundle.certificate_chain_pem)


def client_tls(
    certificate: CertificateSource,
    trust: TrustBundle,
    replaced: Callable[[ssl.SSLContext], None] = lambda context: None,
) -> ssl.SSLContext:
    """Returns a TLS 1.3 client context that trusts `trust` and shows the certificate of the moment.

    The context follows renewals: connections made later show the new certificate. It cannot forget an issuer: when
    those of `trust` change, `replaced` is called with the context that takes its place.
    """
    return following(certificate, trust, _context, replaced)


def _context(trusted: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=trusted)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def following(
    certificate: CertificateSource,
    trust: TrustBundle,
    make: Callable[[str], ssl.SSLContext],
    replaced: Callable[[ssl.SSLContext], None],
) -> ssl.SSLContext:
    """Returns a context that `make` gives for issuers (PEM), and that shows the certificate of the moment.

    When the issuers change, `replaced` is called with the context that takes its place.
    """

    def made() -> ssl.SSLContext:
        context = make(trust.current.decode())
        _load(context, certificate.current)
        return context

    context = made()

    def renewed() -> None:
        _load(context, certificate.current)

    def changed() -> None:
        nonlocal context
        context = made()
        replaced(context)

    certificate.subscribe(renewed)
    trust.subscribe(changed)
    return context


def _load(context: ssl.SSLContext, bundle: CertificateBundle) -> None:
    """Has a context show a certificate.

    Goes through a file in memory, because OpenSSL's loader takes only paths and the key is never on a disk.
    """
    descriptor = os.memfd_create("ringfence-certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(bundle.private_key_pem + bundle.certificate_chain_pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
