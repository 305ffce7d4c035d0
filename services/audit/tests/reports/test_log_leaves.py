"""Reports ask the index for no more than they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ringfence_audit.index.application.ports import Located
from ringfence_audit.reports.adapters.log_leaves import IndexedLeaves


class Index:
    """Ten thousand leaves, every one about the key; remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def find(
        self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int, covered: object = None
    ) -> Located:
        self.asked.append((from_leaf, until_leaf, limit))
        end = min(from_leaf + limit, until_leaf)
        return Located(list(range(from_leaf, end)), end)


class Log:
    """Leaves that are dated by their indexes."""

    def leaves_at(self, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        return ((index, b"leaf") for index in indexes)

    def narrowed(self, leaves: range, from_ns: int, until_ns: int) -> range:
        return range(max(leaves.start, from_ns), min(leaves.stop, until_ns))


def test_the_index_is_asked_for_what_is_read() -> None:
    """The first facts about an id with one question of so many; those of a time among its leaves alone."""
    index, log, kept = Index(), Log(), None
    made: Any = IndexedLeaves(index, log, kept)  # type: ignore[arg-type]
    assert [at for at, _ in made.first_about(b"k" * 16, 50, 10_000)] == list(range(50))
    assert index.asked == [(0, 10_000, 50)]
    index.asked.clear()
    assert [at for at, _ in made.about_between(b"k" * 16, 4_000, 4_010, 10_000)] == list(range(4_000, 4_010))
    assert [each[:2] for each in index.asked] == [(4_000, 4_010)]
