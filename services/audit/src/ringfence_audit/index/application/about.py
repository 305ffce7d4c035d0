"""The leaves about keys, read page by page. All calls block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.domain.runs import Covered
from ringfence_audit.log.application.queries import Queries

FOUND_TOGETHER = 1_000


def indexes_about(
    index: Keys, keys: Sequence[bytes], span: range, together: int = FOUND_TOGETHER, covered: Covered | None = None
) -> Iterator[list[int]]:
    """Yields the indexes of the leaves about any of some keys, in order, a page at a time; raises as `Keys.find`."""
    at = span.start
    while at < span.stop:
        located = index.find(keys, at, span.stop, together, covered)
        yield located.indexes
        at = located.next_leaf


def leaves_about(
    index: Keys,
    log: Queries,
    keys: Sequence[bytes],
    span: range,
    together: int = FOUND_TOGETHER,
    covered: Covered | None = None,
) -> Iterator[tuple[int, bytes]]:
    """Yields these leaves with their indexes; raises LogDamaged, and as `Keys.find`."""
    for indexes in indexes_about(index, keys, span, together, covered):
        yield from log.leaves_at(indexes)
