"""Reads the tiles of the tree and the pages of its leaves; every call blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store import EventStore

from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.merkle import TILE_BYTES, TileName

CACHED_TILES = 4_096
"""At 8 KiB each: 32 MiB."""
PAGES_PER_SEARCH = 64

# By the key of each, whatever the planner thinks of how many there are.
TILES = (
    "SELECT tile.* FROM unnest(%s::smallint[], %s::bigint[]) AS wanted(level, index) CROSS JOIN LATERAL ("
    "SELECT level, index, hashes FROM tiles WHERE level = wanted.level AND index = wanted.index LIMIT 1) tile"
)
PAGES = (
    "SELECT first_leaf, leaves, position, earliest_ns, latest_ns FROM leaf_pages WHERE first_leaf >= coalesce("
    "(SELECT max(first_leaf) FROM leaf_pages WHERE first_leaf <= %s), 0) ORDER BY first_leaf LIMIT %s"
)
HOLDING = (
    "SELECT DISTINCT page.* FROM unnest(%s::bigint[]) AS wanted(leaf) CROSS JOIN LATERAL ("
    "SELECT first_leaf, leaves, position, earliest_ns, latest_ns FROM leaf_pages"
    " WHERE first_leaf <= wanted.leaf ORDER BY first_leaf DESC LIMIT 1) page ORDER BY first_leaf"
)
BEFORE = "SELECT position FROM leaf_pages WHERE first_leaf < %s ORDER BY first_leaf DESC LIMIT 1"
BETWEEN = (
    "SELECT first_leaf, leaves, position, earliest_ns, latest_ns FROM leaf_pages"
    " WHERE first_leaf >= coalesce((SELECT max(first_leaf) FROM leaf_pages WHERE first_leaf <= %s), 0)"
    " AND first_leaf < %s AND latest_ns >= %s AND (%s = 0 OR earliest_ns < %s) ORDER BY first_leaf LIMIT %s"
)
NARROWED = (
    "SELECT min(first_leaf) AS first, max(first_leaf + leaves) AS end FROM leaf_pages"
    " WHERE first_leaf + leaves > %s AND first_leaf < %s AND latest_ns >= %s AND (%s = 0 OR earliest_ns < %s)"
)


class TileReader:
    """The log's tables in PostgreSQL; full tiles are cached, because they never change.

    One that may still grow is read anew each time: what is shown is what is stored.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._tiles: BoundedCache[TileName, bytes] = BoundedCache(CACHED_TILES)

    def tile(self, level: int, index: int) -> bytes:
        """Gives the hashes of a tile; empty where there is none."""
        return self.tiles([(level, index)]).get((level, index), b"")

    def tiles(self, names: Collection[TileName]) -> dict[TileName, bytes]:
        """Gives the hashes of those tiles (level, index) that there are, read together."""
        found = {name: hashes for name in names if (hashes := self._tiles.get(name)) is not None}
        missing = [name for name in names if name not in found]
        for row in self._rows(TILES, tuple(map(list, zip(*missing, strict=True)))) if missing else []:
            name = row["level"], row["index"]
            found[name] = hashes = bytes(row["hashes"])
            if len(hashes) == TILE_BYTES:
                self._tiles.put(name, hashes)
        return found

    def pages(self, from_leaf: int, limit: int) -> list[StoredPage]:
        """Gives pages in order, the first being the one that holds `from_leaf`."""
        return [_page(row) for row in self._rows(PAGES, (from_leaf, limit))]

    def pages_of(self, indexes: Sequence[int]) -> list[StoredPage]:
        """Gives the pages that hold leaves, each once, in order."""
        return [_page(row) for row in self._rows(HOLDING, (list(indexes),))]

    def position_before(self, page: StoredPage) -> int:
        """Gives the position of the event that holds the page before; 0 where there is none."""
        rows = self._rows(BEFORE, (page.first_leaf,))
        return int(rows[0]["position"]) if rows else 0

    def pages_between(self, from_leaf: int, until_leaf: int, from_ns: int, until_ns: int) -> list[StoredPage]:
        """Gives at most 64 pages, in order, that have leaves in both ranges."""
        bounds = (from_leaf, until_leaf, from_ns, until_ns, until_ns, PAGES_PER_SEARCH)
        return [_page(row) for row in self._rows(BETWEEN, bounds)]

    def narrowed(self, leaves: range, from_ns: int, until_ns: int) -> range:
        """Gives the part of a range from its first to its last page with leaves of these times (half open)."""
        [row] = self._rows(NARROWED, (leaves.start, leaves.stop, from_ns, until_ns, until_ns))
        if row["first"] is None:
            return range(leaves.start, leaves.start)
        return range(max(leaves.start, row["first"]), min(leaves.stop, row["end"]))

    def _rows(self, statement: str, parameters: Any) -> list[Any]:
        with self._store.connection() as connection:
            return connection.execute(statement.encode(), parameters, binary=True).fetchall()


def _page(row: Any) -> StoredPage:
    return StoredPage(row["first_leaf"], row["leaves"], row["position"], row["earliest_ns"], row["latest_ns"])
