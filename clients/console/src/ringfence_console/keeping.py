"""Dossiers that were made, kept in memory until they are taken along: the newest, each for its maker alone."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from ringfence_console.dossiers import Bundle
from ringfence_console.ports import NotThere

MOST_BUNDLES = 100


@dataclass
class Keeping:
    """Keeps at most `most_bytes` of files, and 100 of them; the oldest go. Thread-safe.

    They have personal data in them: nothing is written to a disk, and nothing outlives the process.
    """

    most_bytes: int
    _kept: dict[tuple[Hashable, bytes], tuple[Bundle, bytes]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, maker: Hashable, bundle: Bundle, content: bytes) -> Bundle:
        """Keeps a dossier, as the newest; one that is larger than all that is kept is kept alone."""
        assert bundle.sha256 == sha256(content).digest()
        with self._lock:
            self._kept.pop((maker, bundle.sha256), None)
            self._kept[maker, bundle.sha256] = bundle, content
            while len(self._kept) > 1 and self._is_too_much():
                del self._kept[next(iter(self._kept))]
        return bundle

    def of(self, maker: Hashable) -> list[Bundle]:
        """Gives somebody's, the newest first."""
        with self._lock:
            return [bundle for (each, _), (bundle, _) in reversed(self._kept.items()) if each == maker]

    def content(self, maker: Hashable, digest: bytes) -> bytes:
        """Gives a file of somebody's; raises NotThere, of another's too."""
        with self._lock:
            found = self._kept.get((maker, digest))
        if found is None:
            raise NotThere("it was not made here, or is not kept any more")
        return found[1]

    def _is_too_much(self) -> bool:
        held = sum(len(content) for _, content in self._kept.values())
        return len(self._kept) > MOST_BUNDLES or held > self.most_bytes
