"""Events of clients whom lists name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


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


EVENTS: tuple[type, ...] = (ClientMatched, ClientBlocked, ClientCleared)
