"""Whose certificates are accepted: bundles of issuers that change while all goes on.

An issuer is replaced without a moment at which somebody is refused: the new one is added to every bundle, then signs,
then the old one is taken out (docs/runbooks/certificates.md).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ringfence_kernel.certificates.bundle import tell
from ringfence_kernel.telemetry import logs

LOOK_SECONDS = 5.0
"""How often a file is looked at; an orchestrator that mounts one takes a minute to replace it."""

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_BLOCK = re.compile(_BEGIN + rb"[^-]*-----END CERTIFICATE-----")
_LOG = logs.get(__name__)


class NoCertificates(Exception):
    """A bundle without a certificate, with half of one, or with something else in it, would lock somebody out."""


class TrustBundle:
    """The issuers of the moment."""

    def __init__(self, pem: bytes) -> None:
        """Trusts the issuers in `pem`; raises NoCertificates."""
        self._pem = _checked(pem)
        self._subscribers: list[Callable[[], None]] = []

    @property
    def current(self) -> bytes:
        """The issuers, PEM and nothing else, so that bundles can be put together; may be read from any thread."""
        return self._pem

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Calls `changed` on the event loop after each change."""
        self._subscribers.append(changed)

    def replace(self, pem: bytes) -> None:
        """Trusts other issuers from now on; raises NoCertificates, and then nothing has changed.

        Raises ExceptionGroup of what subscribers raised, when all have been called.
        """
        self._pem = _checked(pem)
        tell(self._subscribers)


class TrustFile(TrustBundle):
    """A bundle that follows its file."""

    def __init__(self, path: Path) -> None:
        """Reads the file; raises OSError or NoCertificates."""
        pem = path.read_bytes()
        super().__init__(pem)
        self._path = path
        self._seen = self._settled = pem

    async def follow(self) -> None:
        """Looks at the file for ever. While it is away or holds no certificates, those in hand go on."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Takes over what the file holds, if that is something else, good, and the same as at the look before.

        A file that is written in place may be seen between two of its certificates. What not everybody could take over
        is tried again at the next look.
        """
        try:
            pem = self._path.read_bytes()
        except OSError:
            pem = b""
        before, self._seen = self._seen, pem
        if pem != before or pem == self._settled:
            return
        try:
            self.replace(pem)
        except NoCertificates:
            self._settled = pem
            _LOG.error("trust_not_replaced", file=str(self._path))
        except ExceptionGroup:
            _LOG.exception("trust_replaced_in_part", file=str(self._path))
        else:
            self._settled = pem
            _LOG.info("trust_replaced", file=str(self._path), certificates=self.current.count(_BEGIN))


def _checked(pem: bytes) -> bytes:
    """Returns the certificates without the text that may stand between them (RFC 7468 section 5.2)."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise NoCertificates(str(error)) from None
    # The parser passes over other blocks, and over everything from a block on that does not end.
    rest, blocks = _BLOCK.subn(b"\n", pem)
    if blocks != len(certificates) or any(line.startswith(b"-") or b"-----" in line for line in rest.splitlines()):
        raise NoCertificates("half a certificate, or something else")
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
