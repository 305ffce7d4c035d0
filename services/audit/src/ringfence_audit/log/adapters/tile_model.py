"""Tiles of the tree and the pages of its leaves, written with each event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.events import Growth, Taken, leaves_of
from ringfence_audit.log.domain.merkle import Frontier, Tile, frontier_tiles, leaf_hashes

TILED = (
    "WITH tiled AS (INSERT INTO tiles SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])"
    " ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes)"
)
PAGED = "INSERT INTO leaf_pages VALUES (%b, %b, %b, %b, %b)"
SAVE = f"{TILED} {PAGED}"
# In one round trip: a read waits for it.
SAVE_WITH_CURSOR = (
    f"{TILED}, paged AS ({PAGED})"
    " INSERT INTO cursors SELECT 'projection:tiles', epoch, position, hash FROM feed_head ON CONFLICT (name) DO UPDATE"
    " SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash"
)


class TileModel:
    """Tiles of the tree, and where each leaf stands in the event store."""

    name = "tiles"
    tables: Sequence[str] = ("tiles", "leaf_pages")

    def save(self, connection: Any, *, tiles: Sequence[Tile], page: StoredPage) -> None:
        """Writes what one event changed, inside the transaction that commits it, and the model's cursor."""
        connection.execute(SAVE_WITH_CURSOR.encode(), _parameters(tiles, page))

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
            page = StoredPage(event.first_leaf, len(leaves), each.position, earliest, latest)
            connection.execute(SAVE.encode(), _parameters(tiles, page))

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


def _parameters(tiles: Sequence[Tile], page: StoredPage) -> tuple[Any, ...]:
    levels, indexes, hashes = (
        [each.level for each in tiles],
        [each.index for each in tiles],
        [each.hashes for each in tiles],
    )
    return levels, indexes, hashes, page.first_leaf, page.count, page.position, page.earliest_ns, page.latest_ns


def _times(event: Growth, recorded_at_ns: int) -> tuple[int, int]:
    if isinstance(event, Taken):
        return event.earliest_ns, event.latest_ns
    return recorded_at_ns, recorded_at_ns
