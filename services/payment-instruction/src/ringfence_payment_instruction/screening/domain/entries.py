"""Entries of sanctions lists as their publishers give them: a reference, a kind, names with their quality."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class EntryKind(IntEnum):
    """What an entry is about; numbers as in the proto."""

    UNSPECIFIED = 0
    PERSON = 1
    ORGANISATION = 2
    VESSEL = 3
    AIRCRAFT = 4


class NameQuality(IntEnum):
    """How much a name says of who bears it, by its publisher; numbers as in the proto."""

    PRIMARY = 1
    GOOD = 2
    WEAK = 3
    ORIGINAL_SCRIPT = 4


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name on a list."""

    text: str
    quality: NameQuality


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list; `details` is what else its publisher says of it, in the publisher's order."""

    reference: str
    kind: EntryKind
    names: tuple[ListedName, ...]
    details: tuple[str, ...] = ()

    def digest(self) -> bytes:
        """Returns SHA-256 of the entry in one form: its texts with their lengths before them, names sorted."""
        names = sorted({(each.text, each.quality.name) for each in self.names})
        content = hashlib.sha256()
        for text in (self.reference, self.kind.name, *(part for name in names for part in name), "", *self.details):
            encoded = text.encode()
            content.update(len(encoded).to_bytes(4, "big") + encoded)
        return content.digest()


def aliases(entries: Iterable[Entry]) -> int:
    """Returns how many names there are beside the one of each entry."""
    return sum(len(entry.names) - 1 for entry in entries)
