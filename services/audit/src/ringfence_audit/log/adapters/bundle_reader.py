"""Reads entry bundles; every call blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store import EventStore

from ringfence_audit.log.domain.bundles import BUNDLE_LEAVES, BundleMalformed, unbundled
from ringfence_audit.log.domain.errors import LogDamaged

CACHED_BUNDLES = 128
"""At some 110 KB each: 14 MB."""
READ = b"SELECT index, leaves FROM bundles WHERE index = ANY(%s::bigint[])"


class BundleReader:
    """The table of bundles in PostgreSQL; full ones are cached, because they never change."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._bundles: BoundedCache[int, list[bytes]] = BoundedCache(CACHED_BUNDLES)

    def bundles(self, indexes: Sequence[int]) -> Mapping[int, list[bytes]]:
        """Gives the leaves of those bundles that there are; raises LogDamaged for one that cannot be read."""
        cached = {index: leaves for index in indexes if (leaves := self._bundles.get(index)) is not None}
        missing = [index for index in indexes if index not in cached]
        return {**cached, **self._read(missing)} if missing else cached

    def _read(self, indexes: Sequence[int]) -> dict[int, list[bytes]]:
        with self._store.connection() as connection:
            rows = connection.execute(READ, (list(indexes),)).fetchall()
        found: dict[int, list[bytes]] = {}
        for row in rows:
            try:
                leaves = unbundled(bytes(row["leaves"]))
            except BundleMalformed as error:
                raise LogDamaged("an entry bundle cannot be read", bundle=str(row["index"])) from error
            found[row["index"]] = leaves
            if len(leaves) == BUNDLE_LEAVES:
                self._bundles.put(row["index"], leaves)
        return found
