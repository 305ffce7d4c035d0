"""Events about bank entries: frozen, packed, published by the feed; columns and sealing as those of submissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class EvidenceReceived:
    """Entries of a bank's notification that had not been handed in before, of one tenant."""

    TOPIC: ClassVar[str] = "EvidenceReceived.v1"
    tenant: bytes
    evidence_id: bytes
    digest: bytes  # SHA-256 of the file
    message_id: str
    source: bytes  # principal that handed it in; zero for the rail's inbox
    authorisation: str
    authorisation_expires_ns: int
    entry_ids: bytes  # 16 bytes per row, from movement, part and action; of earlier releases as `named_ids`
    entry_digests: bytes  # 32 bytes per row, SHA-256 of the entry's content
    references: tuple[str, ...]
    purposes: bytes  # 1 byte per row: Disposition
    mirror_accounts: bytes  # 16 bytes per row
    client_accounts: bytes  # 16 bytes per row; zero when nobody is found
    owners: bytes  # 16 bytes per row: whose key seals the entry's data
    instruction_ids: bytes  # 16 bytes per row; zero unless it confirms one or brings its money back
    amounts_minor: bytes  # 8 bytes per row
    ledgers: bytes  # 2 bytes per row
    value_days: bytes  # 4 bytes per row, signed
    reasons: tuple[str, ...]
    sealed: tuple[bytes, ...]
    origins: bytes = b""  # 16 bytes per row: which entry has brought what a row allots or takes back; zero for none
    named_ids: bytes = b""  # 16 bytes per row, from bank account and reference: how people name it


@dataclass(frozen=True, slots=True)
class EvidenceApplied:
    """Custody has posted entries."""

    TOPIC: ClassVar[str] = "EvidenceApplied.v1"
    tenant: bytes
    evidence_id: bytes
    entry_ids: bytes  # 16 bytes per row
    indexes: bytes  # 4 bytes per row
    outcomes: bytes  # 1 byte per row: Outcome
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuspendedReleased:
    """Two people have found that lists name somebody else than those behind an entry whose money lies in suspense."""

    TOPIC: ClassVar[str] = "SuspendedReleased.v1"
    tenant: bytes
    entry: bytes
    findings: bytes  # 32 bytes each: SHA-256 of the lists' entries, with their names, that they have looked at
    document_sha256: bytes
    note: str
    actor: bytes  # the second person's principal


EVENTS: tuple[type, ...] = (EvidenceReceived, EvidenceApplied, SuspendedReleased)
