"""Events about sanctions lists: frozen, packed, published by the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SanctionsListImported:
    """A sanctions list replaced the one of the same name. Names stand as fingerprints only."""

    TOPIC: ClassVar[str] = "SanctionsListImported.v1"
    list_name: str
    list_format: int
    digest: bytes  # SHA-256 of the file
    published_ns: int
    imported_by: bytes
    name_count: int
    fingerprints: bytes  # 16 bytes per row: SHA-256 of the normalised name
    references: tuple[str, ...]  # the publisher's own number of the entry


EVENTS: tuple[type, ...] = (SanctionsListImported,)
