"""An entry of a list as it stands: what names somebody, and what two people find to name somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from ringfence_payment_instruction.screening.domain.screened_fields import Side

DIGEST_BYTES = 32
LONGEST_REFERENCE = 140
"""What identity is told of an entry's name."""
UNKNOWN = bytes(DIGEST_BYTES)
"""The digest of an entry of a list that an earlier release imported."""


class ListedEntry(NamedTuple):
    """An entry by "list/reference", and SHA-256 of what its publisher says of it."""

    name: str
    entry_sha256: bytes

    @property
    def finding(self) -> bytes:
        """SHA-256 of both: by it two people name the entry that they have looked at, here and in identity."""
        return sha256(self.entry_sha256 + self.reference.encode()).digest()

    @property
    def reference(self) -> str:
        """List and number as identity is told of them, 1 to 140 characters."""
        return self.name[:LONGEST_REFERENCE]

    def __str__(self) -> str:
        """Returns list and reference as they stand in a refusal."""
        return self.name


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that names somebody, on whose side he stands, in which field, and how he was typed there.

    A registered name has no text: it is known by keyed marks alone. One that `is_cleared` stops nothing: two people
    have found that the entry names somebody else than this client.
    """

    side: Side
    entry: ListedEntry
    field: str
    typed: str = ""
    is_registered: bool = False
    is_cleared: bool = False


def unpacked_entries(references: Sequence[str], digests: bytes) -> Iterator[ListedEntry]:
    """Yields the entries of an event's columns."""
    for at, reference in enumerate(references):
        yield ListedEntry(reference, digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES])


def packed_digests(entries: Sequence[ListedEntry]) -> bytes:
    """Returns the digests of entries as an event has them, 32 bytes each."""
    return b"".join(each.entry_sha256 for each in entries)
