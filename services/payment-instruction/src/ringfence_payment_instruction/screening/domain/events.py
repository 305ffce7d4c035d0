"""Events about sanctions lists and the clients on them: frozen, packed, published by the feed."""

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


@dataclass(frozen=True, slots=True)
class ClientMatched:
    """A registered client, or an owner of his, is on a list; payments that are not handed over are screened again."""

    TOPIC: ClassVar[str] = "ClientMatched.v1"
    tenant: bytes
    party: bytes
    subject: bytes  # whose data key seals his names
    references: tuple[str, ...]  # list and the publisher's own number of each entry that was not known before
    evidence: bytes  # SHA-256 of the lists in force


@dataclass(frozen=True, slots=True)
class ClientBlocked:
    """Identity has blocked a client that is on a list."""

    TOPIC: ClassVar[str] = "ClientBlocked.v1"
    tenant: bytes
    party: bytes
    subject: bytes
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientCleared:
    """Two people have released a client in identity: these entries name somebody else."""

    TOPIC: ClassVar[str] = "ClientCleared.v1"
    tenant: bytes
    party: bytes
    subject: bytes
    references: tuple[str, ...]


EVENTS: tuple[type, ...] = (SanctionsListImported, ClientMatched, ClientBlocked, ClientCleared)
