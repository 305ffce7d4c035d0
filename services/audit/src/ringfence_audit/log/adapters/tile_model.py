"""Tiles of the tree and the pages of its leaves, written with each event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.events import Growth, Taken, leaves_of
from ringfence_audit.log.domain.merkle import Frontier, Tile, frontier_tiles, leaf_hashes

SAVE_TILE = "INSERT INTO tiles VALUES (%s, %s, %s) ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes"
SAVE_PAGE = "INSERT INTO leaf_pages VALUES (%s, %s, %s, %s, %s)"
SAVE_CURSOR = (
    "INSERT INTO cursors SELECT 'projection:tiles', epoch, position, hash FROM feed_head ON CONFLICT (name) DO UPDATE"
    " SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash"
)


class TileModel:
    """Tiles of the tree, and where each leaf stands in the event store."""

    name = "tiles"
    tables: Sequence[str] = ("tiles", "leaf_pages")

    def save(self, connection: Any, *, tiles: Sequence[Tile], page: StoredPage) -> None:
        """Writes what one event changed, inside the transaction that commits it, and the model's cursor."""
        self._write(connection, tiles, page)
        connection.execute(SAVE_CURSOR)

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Computes and writes the rows of these events, from where the tables stand."""
        frontier = self._frontier(connection)
        for each in recorded:
            event = each.event
            if not isinstance(event, Growth):
                continue
            leaves = leaves_of(event)
            frontier, tiles = frontier.extended(leaf_hashes(leaves))
            earliest, latest = _times(event, each.recorded_at_ns)
            self._write(connection, tiles, StoredPage(event.first_leaf, len(leaves), each.position, earliest, latest))

    @staticmethod
    def _write(connection: Any, tiles: Sequence[Tile], page: StoredPage) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(SAVE_TILE, [(tile.level, tile.index, tile.hashes) for tile in tiles])
            cursor.execute(SAVE_PAGE, (page.first_leaf, page.count, page.position, page.earliest_ns, page.latest_ns))

    @staticmethod
    def _frontier(connection: Any) -> Frontier:
        row = connection.execute("SELECT coalesce(max(first_leaf + leaves), 0) AS size FROM leaf_pages").fetchone()
        tiles = []
        for level, index in frontier_tiles(row["size"]):
            found = connection.execute(
                "SELECT hashes FROM tiles WHERE level = %s AND index = %s", (level, index)
            ).fetchone()
            tiles.append(bytes(found["hashes"]) if found else b"")
        return Frontier(row["size"], tuple(tiles))


def _times(event: Growth, recorded_at_ns: int) -> tuple[int, int]:
    if isinstance(event, Taken):
        return event.earliest_ns, event.latest_ns
    return recorded_at_ns, recorded_at_ns
