"""Whose certificates are accepted: bundles of issuers that change while all goes on.

An issuer is replaced without a moment at which somebody is refused: the new one is added to every bundle, then signs,
then the old one is taken out (docs/runbooks/certificates.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from ringfence_kernel.telemetry import logs

LOOK_SECONDS = 5.0
"""How often a file is looked at; an orchestrator that mounts one takes a minute to replace it."""

_LOG = logs.get(__name__)


class NoCertificates(Exception):
    """A bundle without a certificate, or with something else in it, would lock everybody out."""


class TrustBundle:
    """The issuers of the moment, PEM."""

    def __init__(self, pem: bytes) -> None:
        """Trusts the issuers in `pem`; raises NoCertificates."""
        self._pem = _checked(pem)
        self._subscribers: list[Callable[[], None]] = []

    @property
    def current(self) -> bytes:
        """The issuers, PEM; may be read from any thread."""
        return self._pem

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Calls `changed` on the event loop after each change."""
        self._subscribers.append(changed)

    def replace(self, pem: bytes) -> None:
        """Trusts other issuers from now on; raises NoCertificates, and then nothing has changed."""
        self._pem = _checked(pem)
        for changed in self._subscribers:
            changed()


class TrustFile(TrustBundle):
    """A bundle that follows its file."""

    def __init__(self, path: Path) -> None:
        """Reads the file; raises OSError or NoCertificates."""
        super().__init__(path.read_bytes())
        self._path = path
        self._refused: bytes | None = None

    async def follow(self) -> None:
        """Looks at the file for ever. While it is away or holds no certificates, those in hand go on."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Takes over what the file holds now, if that is something else, and is good."""
        try:
            pem = self._path.read_bytes()
        except OSError:
            pem = b""
        if pem == self._refused or pem.rstrip() == self.current.rstrip():
            return
        try:
            self.replace(pem)
        except NoCertificates:
            self._refused = pem
            _LOG.error("trust_not_replaced", file=str(self._path))
            return
        self._refused = None
        _LOG.info("trust_replaced", file=str(self._path), certificates=pem.count(b"-----BEGIN CERTIFICATE-----"))


def _checked(pem: bytes) -> bytes:
    """Returns a bundle with a newline at its end, which PEM files may lack, so that bundles can be put together."""
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise NoCertificates(str(error)) from None
    return pem.rstrip() + b"\n"
