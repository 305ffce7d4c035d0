"""The read models: tiles and pages, written with each event, and the search index, which follows on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ringfence_kernel.store.codec import Recorded

from ringfence_audit.log.application.ports import StoredPage
from ringfence_audit.log.domain.events import LeavesAppended, ReadRecorded
from ringfence_audit.log.domain.leaf import Value, decode, unpack
from ringfence_audit.log.domain.merkle import Frontier, Tile, frontier_tiles, leaf_hashes

SEARCHABLE_OPAQUE = "user_data_128"

SAVE_TILE = "INSERT INTO tiles VALUES (%s, %s, %s) ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes"
SAVE_PAGE = "INSERT INTO leaf_pages VALUES (%s, %s, %s, %s, %s)"
SAVE_CURSOR = (
    "INSERT INTO cursors SELECT 'projection:tiles', epoch, position, hash FROM feed_head ON CONFLICT (name) DO UPDATE"
    " SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash"
)


def event_leaves(event: LeavesAppended | ReadRecorded) -> list[bytes]:
    """Gives the leaves that an event of the log holds."""
    return list(unpack(event.leaves)) if isinstance(event, LeavesAppended) else [event.leaf]


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
            if not isinstance(event, LeavesAppended | ReadRecorded):
                continue
            leaves = event_leaves(event)
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


class SearchModel:
    """Which leaves are about which id: a party, account, instruction, transfer, submission, principal or tenant."""

    name = "search"
    tables: Sequence[str] = ("leaf_keys",)

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events."""
        with connection.cursor().copy("COPY leaf_keys FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["bytea", "int8", "int4", "int8"])
            for each in recorded:
                if isinstance(each.event, LeavesAppended | ReadRecorded):
                    for row in key_rows(each.event.first_leaf, event_leaves(each.event)):
                        copy.write_row(row)


def key_rows(first_leaf: int, leaves: Iterable[bytes]) -> Iterator[tuple[bytes, int, int, int]]:
    """Yields (key, first leaf, leaves, time) for every id in the leaves; neighbours with the same time are joined."""
    open_rows: dict[bytes, tuple[int, int, int]] = {}
    for index, leaf in enumerate(leaves, first_leaf):
        _, fields = decode(leaf)
        time_ns = fields.get("time_ns")
        if not isinstance(time_ns, int):
            continue
        for key in leaf_ids(fields):
            first, count, time = open_rows.get(key, (index, 0, time_ns))
            if first + count != index or time != time_ns:
                yield key, first, count, time
                first, count, time = index, 0, time_ns
            open_rows[key] = (first, count + 1, time)
    for key, row in open_rows.items():
        yield key, *row


def leaf_ids(fields: dict[str, Value]) -> set[bytes]:
    """Gives the ids that a leaf can be found by: 16-byte values named as ids, and the searchable opaque one."""
    return {
        value
        for name, value in fields.items()
        if isinstance(value, bytes) and len(value) == 16 and (name.endswith("_id") or name == SEARCHABLE_OPAQUE)
    }


def _times(event: LeavesAppended | ReadRecorded, recorded_at_ns: int) -> tuple[int, int]:
    if isinstance(event, LeavesAppended):
        return event.earliest_ns, event.latest_ns
    return recorded_at_ns, recorded_at_ns
