"""Callers of one transfer each through the SDK's own batching: the one place that knows how the SDK is asked for it."""

from __future__ import annotations

from typing import Protocol

from bench.book import Book
from bench.load import Seen


class BatchingLoad(Protocol):
    """Concurrent callers who each await their own transfer."""

    callers: int

    def run(self, seconds: float, rows: int, seen: Seen) -> None:
        """Has the callers create transfers until `seconds` are over or `rows` are created; adds what was seen."""


def batching_load(book: Book) -> BatchingLoad | None:
    """Returns the load on a book, or None while the SDK sends every call as it comes."""
    return None
