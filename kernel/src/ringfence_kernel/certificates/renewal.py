"""The certificate of this process: its key is made here and never written, and it is renewed while all goes on."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ringfence_kernel.certificates.bundle import CertificateBundle, tell
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.vault.errors import VaultRefused, VaultUnavailable
from ringfence_kernel.vault.pki import IssuedCertificate, Pki

_LOG = logs.get(__name__)
_RETRY_SECONDS = 5.0
_FIRST_RETRY_SECONDS = 1.0


class WorkloadCertificate:
    """A CertificateSource whose certificate is renewed, with a new key, at two thirds of its life."""

    def __init__(self, pki: Pki, service: str, trust_domain: str, names: Sequence[str], clock: Clock) -> None:
        """Names the SPIFFE id of `service`, the service as a DNS name, and `names` (DNS names or IP addresses)."""
        self._pki = pki
        self._service = service
        self._names = _subject_names(service, trust_domain, names)
        self._clock = clock
        self._bundle: CertificateBundle | None = None
        self._renew_at_ns = 0
        self._renew_at = 0.0
        self._subscribers: list[Callable[[], None]] = []

    @property
    def current(self) -> CertificateBundle:
        """The newest certificate; raises LookupError before the first."""
        if self._bundle is None:
            raise LookupError("no certificate was obtained yet")
        return self._bundle

    def subscribe(self, renewed: Callable[[], None]) -> None:
        """Calls `renewed` on the event loop after each renewal."""
        self._subscribers.append(renewed)

    async def obtain(self) -> None:
        """Makes a P-256 key and has a certificate for it signed; raises what Pki raises, or what subscribers do."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = await self._pki.sign_workload(self._service, self._request(key))
        self._bundle = CertificateBundle(_private_pem(key), issued.chain_pem.encode(), issued.not_after_ns)
        self._renew_at_ns = _renewal_time(issued)
        self._renew_at = time.monotonic() + (self._renew_at_ns - issued.not_before_ns) / NANOSECONDS
        tell(self._subscribers)

    async def obtain_first(self) -> None:
        """Waits while Vault is sealed or away; raises whatever else Pki raises."""
        while True:
            try:
                return await self.obtain()
            except VaultUnavailable:
                _LOG.warning("certificate_awaited")
                await asyncio.sleep(_FIRST_RETRY_SECONDS)

    async def renew(self) -> None:
        """Renews for ever; while Vault is away the certificate in hand goes on until it expires.

        A clock that is set back makes it no later, and one that is ahead has it renewed every few seconds, not more.
        """
        while True:
            seconds = min((self._renew_at_ns - self._clock.now_ns()) / NANOSECONDS, self._renew_at - time.monotonic())
            if seconds > 0:
                # In steps, because the machine's clock may be set while this waits.
                await asyncio.sleep(min(seconds, 60.0))
                continue
            try:
                await self.obtain()
                _LOG.info("certificate_renewed")
            except (DomainError, VaultRefused) as error:
                _LOG.warning("certificate_not_renewed", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)

    def _request(self, key: ec.EllipticCurvePrivateKey) -> str:
        builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
        request = builder.add_extension(self._names, critical=True).sign(key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()


def _subject_names(service: str, trust_domain: str, names: Sequence[str]) -> x509.SubjectAlternativeName:
    spiffe_id = x509.UniformResourceIdentifier(f"spiffe://{trust_domain}/service/{service}")
    return x509.SubjectAlternativeName([spiffe_id, *(_general_name(name) for name in (service, *names))])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _renewal_time(issued: IssuedCertificate) -> int:
    return issued.not_after_ns - (issued.not_after_ns - issued.not_before_ns) // 3
