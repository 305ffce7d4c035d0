"""The certificate that this process shows, as the server and the channels see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        tell(self._subscribers)


def tell(subscribers: Sequence[Callable[[], None]]) -> None:
    """Calls all of them; raises ExceptionGroup of what they raised only then."""
    errors = []
    for call in subscribers:
        try:
            call()
        except Exception as error:  # the others are to hear of it all the same
            errors.append(error)
    if errors:
        raise ExceptionGroup("not everybody could take it over", errors)
