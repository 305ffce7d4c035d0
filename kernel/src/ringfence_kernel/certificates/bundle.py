"""The certificate that this process shows, as the server and the channels see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CertificateBundle:
    """A certificate chain with its private key; PEM."""

    private_key_pem: bytes = field(repr=False)
    certificate_chain_pem: bytes
    not_after_ns: int


class CertificateSource(Protocol):
    """Gives the certificate of the moment, and tells when there is another."""

    @property
    def current(self) -> CertificateBundle:
        """The newest certificate; may be read from any thread."""

    def subscribe(self, renewed: Callable[[], None]) -> None:
        """Calls `renewed` on the event loop after each renewal."""


class FixedCertificate:
    """A certificate that changes only when it is told to: for tests and tools."""

    def __init__(self, bundle: CertificateBundle) -> None:
        """Shows `bundle`."""
        self._bundle = bundle
        self._subscribers: list[Callable[[], None]] = []

    @property
    def current(self) -> CertificateBundle:
        """The bundle given last."""
        return self._bundle

    def subscribe(self, renewed: Callable[[], None]) -> None:
        """Calls `renewed` when the bundle is replaced."""
        self._subscribers.append(renewed)

    def replace(self, bundle: CertificateBundle) -> None:
        """Shows another bundle from now on."""
        self._bundle = bundle
        for renewed in self._subscribers:
            renewed()
