"""Events about sanctions lists: frozen, packed, published by the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Edition:
    """What an edition of a list holds. Names stand as fingerprints only.

    Fields with a default came with the second revision: without them only names and references are known. The last came
    with the one after.
    """

    list_name: str
    list_format: int
    digest: bytes  # SHA-256 of the file, or of those of several files (`digest_of`)
    published_ns: int
    imported_by: bytes
    name_count: int
    fingerprints: bytes  # 16 bytes per row: SHA-256 of the normalised name
    references: tuple[str, ...]  # the publisher's own number of the entry
    qualities: bytes = b""  # 1 byte per row: NameQuality
    word_counts: bytes = b""  # 1 byte per row, at most 255
    entry_references: tuple[str, ...] = ()
    entry_digests: bytes = b""  # 32 bytes per entry
    entry_kinds: bytes = b""  # 1 byte per entry: EntryKind
    form: int = 0  # how names are normalised; 0 is the first
    stated_digests: bytes = b""  # 32 bytes each: SHA-256 of its files that were stated as their publisher's


@dataclass(frozen=True, slots=True)
class SanctionsListImported(Edition):
    """A sanctions list replaced the one of the same name."""

    TOPIC: ClassVar[str] = "SanctionsListImported.v1"


@dataclass(frozen=True, slots=True)
class SanctionsEditionHeld(Edition):
    """An edition waits for a second person, since it lacks much of the one in force."""

    TOPIC: ClassVar[str] = "SanctionsEditionHeld.v1"


@dataclass(frozen=True, slots=True)
class SanctionsEditionAdopted:
    """The edition that waited is in force."""

    TOPIC: ClassVar[str] = "SanctionsEditionAdopted.v1"
    list_name: str
    digest: bytes
    adopted_by: bytes  # who confirmed it


@dataclass(frozen=True, slots=True)
class SanctionsListConfirmed:
    """The list in force is what its publisher had at a time: its age counts from there."""

    TOPIC: ClassVar[str] = "SanctionsListConfirmed.v1"
    list_name: str
    digest: bytes
    checked_ns: int
    confirmed_by: bytes


@dataclass(frozen=True, slots=True)
class SanctionsListRetired:
    """The list is no more in force."""

    TOPIC: ClassVar[str] = "SanctionsListRetired.v1"
    list_name: str
    digest: bytes
    note: str
    retired_by: bytes  # who confirmed it


EVENTS: tuple[type, ...] = (
    SanctionsListImported,
    SanctionsEditionHeld,
    SanctionsEditionAdopted,
    SanctionsListConfirmed,
    SanctionsListRetired,
)
