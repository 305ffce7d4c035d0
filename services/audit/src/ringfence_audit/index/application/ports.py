"""What the search needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """Leaves about one id, in a range of indexes and of times (halves open; `until_ns` 0 for no bound)."""

    key: bytes
    from_leaf: int
    until_leaf: int
    from_ns: int
    until_ns: int
    limit: int


class Keys(Protocol):
    """The search index; every call blocks."""

    def find(self, query: KeyQuery) -> list[int]:
        """Gives indexes of leaves that are about an id, in order."""
