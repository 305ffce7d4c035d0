"""Where identity's feed last said how an owner stands."""

from __future__ import annotations

LIMIT = 10_000
"""So many owners are remembered, some 2 MB; of all others it is known that nothing was said after a position."""


class StandingChanges:
    """The position at which an owner's standing last changed, as this process took it in; forgets the oldest."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Remembers so many owners."""
        self._limit = limit
        self._last: dict[tuple[bytes, bytes], int] = {}
        self._others_until = 0

    def begin(self, position: int) -> None:
        """Begins to lead: whatever was said up to a position may have been taken in by another process."""
        self._others_until = max(self._others_until, position)

    def note(self, book_id: bytes, owner_id: bytes, position: int) -> None:
        """Remembers that an owner of a book stands otherwise from a position on."""
        key = book_id, owner_id
        self._last.pop(key, None)
        self._last[key] = position
        if len(self._last) > self._limit:
            oldest = next(iter(self._last))
            self._others_until = max(self._others_until, self._last.pop(oldest))

    def is_after(self, position: int, book_id: bytes, owner_id: bytes) -> bool:
        """Tells whether an owner's standing has changed after a position, or may have."""
        return max(self._last.get((book_id, owner_id), 0), self._others_until) > position
