"""Reads the log back from a mirror of it (C2SP tlog-tiles); every call blocks."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from hashlib import sha256
from http.client import OK, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from ringfence_audit.log.domain.leaf import MAX_LEAF_BYTES, unpack
from ringfence_audit.log.domain.merkle import TILE_WIDTH

ANSWER_SECONDS = 30.0
MAX_NOTE_BYTES = 1_000_000
MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_LEAF_BYTES)


class MirrorAway(Exception):
    """A mirror cannot be asked, or does not have what is asked for."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror at an https URL, and what is shown to it; files are PEM."""

    url: str
    authority: Path
    certificate: Path
    key: Path

    def checkpoint(self, origin: str) -> str:
        """Gives the note that the mirror has cosigned; raises MirrorAway."""
        try:
            return self._get(origin, "checkpoint", MAX_NOTE_BYTES).decode()
        except UnicodeDecodeError:
            raise MirrorAway("its checkpoint is no text") from None

    def leaves(self, origin: str, first: int, count: int) -> list[bytes]:
        """Gives the leaves of a bundle of so many, which begins with a multiple of 256; raises MirrorAway."""
        parts, number = [f"{first // TILE_WIDTH % 1000:03d}"], first // TILE_WIDTH
        while number := number // 1000:
            parts.append(f"x{number % 1000:03d}")
        partial = f".p/{count}" if count < TILE_WIDTH else ""
        path = f"tile/entries/{'/'.join(reversed(parts))}{partial}"
        found = list(unpack(self._get(origin, path, MAX_BUNDLE_BYTES)))
        if len(found) != count:
            raise MirrorAway(f"{path} has {len(found)} of {count} leaves")
        return found

    def _get(self, origin: str, path: str, most: int) -> bytes:
        at = urlsplit(self.url)
        try:
            context = ssl.create_default_context(cafile=str(self.authority))
            context.load_cert_chain(self.certificate, self.key)
            connection = HTTPSConnection(at.hostname or "", at.port or 443, timeout=ANSWER_SECONDS, context=context)
            try:
                connection.request("GET", f"{at.path.rstrip('/')}/{sha256(origin.encode()).hexdigest()}/{path}")
                answer = connection.getresponse()
                content = answer.read(most + 1)
            finally:
                connection.close()
        except (OSError, HTTPException, ValueError) as error:
            raise MirrorAway(f"{path}: {error or type(error).__name__}") from None
        if answer.status != OK or len(content) > most:
            raise MirrorAway(f"{path}: {answer.status}")
        return content
