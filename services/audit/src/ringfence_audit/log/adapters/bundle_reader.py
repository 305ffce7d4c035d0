"""Reads entry bundles; every call blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.bundles import BUNDLE_LEAVES, BundleMalformed, unbundled
from ringfence_audit.log.domain.errors import LogDamaged

OBJECT_BYTES = 41
"""Of a bytes object beside its content, with its place in a list."""
CACHED_BYTES = 16 << 20
"""Of leaves: some 150 bundles of usual ones, and a single one of the largest."""
READ_BYTES = 4 << 20
"""Of deflated bundles in one answer of the database, beside the first."""
READ = (
    b"SELECT index, leaves FROM (SELECT index, leaves, sum(octet_length(leaves)) OVER (ORDER BY index)"
    b" - octet_length(leaves) AS before FROM bundles WHERE index = ANY(%s::bigint[])) AS asked"
    b" WHERE before < %s ORDER BY index"
)


class BundleReader:
    """The table of bundles in PostgreSQL; full ones are cached, because they never change."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._bundles: BoundedCache[int, list[bytes]] = BoundedCache(CACHED_BYTES, weight)

    def bundles(self, indexes: Sequence[int]) -> Iterator[tuple[int, Sequence[bytes]]]:
        """Yields the leaves of bundles, whose indexes ascend, none for one that is not there; one at a time is held.

        Raises LogDamaged for one that cannot be read.
        """
        read = self._read([index for index in indexes if self._bundles.get(index) is None])
        coming = next(read, None)
        for index in indexes:
            if coming is not None and coming[0] == index:
                yield coming
                coming = next(read, None)
            else:
                yield index, self._bundles.get(index) or ()

    def _read(self, indexes: Sequence[int]) -> Iterator[tuple[int, list[bytes]]]:
        while indexes:
            with self._store.connection() as connection:
                rows = connection.execute(READ, (list(indexes), READ_BYTES)).fetchall()
            for row in rows:
                yield row["index"], self._leaves_of(row["index"], bytes(row["leaves"]))
            indexes = [index for index in indexes if rows and index > rows[-1]["index"]]

    def _leaves_of(self, index: int, deflated: bytes) -> list[bytes]:
        try:
            leaves = unbundled(deflated)
        except BundleMalformed as error:
            raise LogDamaged("an entry bundle cannot be read", bundle=str(index)) from error
        if len(leaves) == BUNDLE_LEAVES:
            self._bundles.put(index, leaves)
        return leaves


def weight(leaves: Sequence[bytes]) -> int:
    """Gives about what leaves take in memory, bytes."""
    return sum(map(len, leaves)) + OBJECT_BYTES * len(leaves)
