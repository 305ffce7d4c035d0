"""What somebody with the owner's password can do to what the log stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from ringfence_audit.log.domain.bundles import bundled_apart, unbundled
from ringfence_audit.log.domain.events import EVENTS
from ringfence_kernel.store import GENESIS, StoredEvent, chain_hash
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.servers.database import Database

EVENT_COLUMNS = "notification_id, uuid_send(originator_id), originator_version, topic, state, chain_hash"
Change = Callable[[Database], None]


def sql(*statements: str) -> Change:
    """Runs statements, each of which changes something."""

    def change(database: Database) -> None:
        with psycopg.connect(database.owner_conninfo) as owner:
            for statement in statements:
                assert owner.execute(statement.encode()).rowcount > 0, statement

    return change


def rows_exchanged(table: str, column: str, one: int, other: int, where: str = "true") -> Change:
    """Has rows of two numbers change places."""
    moves = ((one, -1), (other, one), (-1, other))
    return sql(*(f"UPDATE {table} SET {column} = {to} WHERE {column} = {at} AND {where}" for at, to in moves))


def events(database: Database) -> list[StoredEvent]:
    """Reads all event rows."""
    with psycopg.connect(database.owner_conninfo, row_factory=tuple_row) as owner:
        statement = f"SELECT {EVENT_COLUMNS} FROM stored_events ORDER BY notification_id"  # nosec B608
        return [StoredEvent(*row) for row in owner.execute(statement.encode()).fetchall()]


def found(rows: Sequence[StoredEvent], topic: str, which: int) -> int:
    """Returns where in the rows the event of a topic stands, counted among those of the topic."""
    return [at for at, row in enumerate(rows) if row.topic.startswith(topic)][which]


def written(database: Database, rows: Sequence[StoredEvent], *, rechained: bool) -> None:
    """Writes these event rows in place of all that there are.

    Chained anew they have positions and versions without a gap, and the head of the feed is theirs.
    """
    kept, previous = list[StoredEvent](), GENESIS
    for number, row in enumerate(rows, 1):
        if rechained:
            previous = chain_hash(previous, number, row.stream, number, row.topic, row.state)
            row = replace(row, position=number, version=number, hash=previous)
        kept.append(row)
    with psycopg.connect(database.owner_conninfo) as owner:
        owner.execute(b"DELETE FROM stored_events")
        statement = b"INSERT INTO stored_events VALUES (%s, encode(%s, 'hex')::uuid, %s, %s, %s, %s)"
        columns = [(row.position, row.stream, row.version, row.topic, row.state, row.hash) for row in kept]
        owner.cursor().executemany(statement, columns)
        if rechained:
            owner.execute(b"UPDATE feed_head SET position = %s, hash = %s", (kept[-1].position, kept[-1].hash))


Edit = Callable[[list[StoredEvent]], None]


def edited(edit: Edit, *, rechained: bool = False) -> Change:
    """Changes event rows."""

    def change(database: Database) -> None:
        before = events(database)
        after = list(before)
        edit(after)
        assert after != before
        written(database, after, rechained=rechained)

    return change


def flipped(topic: str, which: int, at: Callable[[bytes], int]) -> Edit:
    """Flips a bit of an event, where `at` says."""

    def edit(rows: list[StoredEvent]) -> None:
        row = rows[place := found(rows, topic, which)]
        offset = at(row.state)
        state = row.state[:offset] + bytes([row.state[offset] ^ 1]) + row.state[offset + 1 :]
        rows[place] = replace(row, state=state)

    return edit


def omitted(topic: str, which: int) -> Edit:
    """Leaves an event out."""

    def edit(rows: list[StoredEvent]) -> None:
        del rows[found(rows, topic, which)]

    return edit


def reordered(topic: str, which: int, by: int = 1) -> Edit:
    """Has an event and one after it change places: each then has the other's content and hash."""

    def edit(rows: list[StoredEvent]) -> None:
        one = found(rows, topic, which)
        other = one + by
        rows[one], rows[other] = (
            replace(rows[one], topic=rows[other].topic, state=rows[other].state, hash=rows[other].hash),
            replace(rows[other], topic=rows[one].topic, state=rows[one].state, hash=rows[one].hash),
        )

    return edit


def restated(topic: str, which: int, **changes: Callable[[Any], Any]) -> Edit:
    """Writes an event with other values in some fields."""

    def edit(rows: list[StoredEvent]) -> None:
        codec, place = EventCodec(EVENTS), found(rows, topic, which)
        row = rows[place]
        recorded = codec.recorded(row.position, row.stream, row.version, row.topic, row.state)
        changed = {name: change(getattr(recorded.event, name)) for name, change in changes.items()}
        _, state = codec.encode(replace(recorded.event, **changed), recorded.recorded_at_ns, recorded.traceparent)
        rows[place] = replace(row, state=state)

    return edit


def leaves_swapped(one: int, other: int, *, with_tiles: bool = False) -> Change:
    """Has two leaves change places in entry bundles, and if so their hashes in the tiles."""

    def change(database: Database) -> None:
        with psycopg.connect(database.owner_conninfo) as owner:
            leaves: dict[int, list[bytes]] = {}
            for bundle in {one // 256, other // 256}:
                [[row]] = owner.execute(b"SELECT leaves FROM bundles WHERE index = %s", (bundle,)).fetchall()
                leaves[bundle] = unbundled(row)
            first, second = leaves[one // 256][one % 256], leaves[other // 256][other % 256]
            assert first != second
            leaves[one // 256][one % 256], leaves[other // 256][other % 256] = second, first
            for bundle, content in leaves.items():
                deflated, starts = bundled_apart(content)
                update = b"UPDATE bundles SET leaves = %s, starts = %s WHERE index = %s"
                owner.execute(update, (deflated, starts, bundle))
        if with_tiles:
            hashes_swapped(one, other)(database)

    return change


def hashes_swapped(one: int, other: int) -> Change:
    """Has the hashes of two leaves change places in their tiles."""

    def change(database: Database) -> None:
        with psycopg.connect(database.owner_conninfo) as owner:
            tiles: dict[int, bytearray] = {}
            for tile in {one // 256, other // 256}:
                select = b"SELECT hashes FROM tiles WHERE level = 0 AND index = %s"
                [[row]] = owner.execute(select, (tile,)).fetchall()
                tiles[tile] = bytearray(row)
            first, second = (slice(at % 256 * 32, at % 256 * 32 + 32) for at in (one, other))
            here, there = tiles[one // 256], tiles[other // 256]
            here[first], there[second] = bytes(there[second]), bytes(here[first])
            for tile, hashes in tiles.items():
                owner.execute(b"UPDATE tiles SET hashes = %s WHERE level = 0 AND index = %s", (bytes(hashes), tile))

    return change
