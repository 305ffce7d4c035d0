"""The store as the rest of a service sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
from eventsourcing.persistence import InterfaceError, OperationalError
from psycopg.rows import DictRow, tuple_row

from ringfence_kernel.store.chain import GENESIS, chain_hash
from ringfence_kernel.store.codec import Event, EventCodec
from ringfence_kernel.store.recorder import ChainedRecorder, PositionTaken, Rows, Timing, Within, library_event
from ringfence_kernel.store.sockets import shut
from ringfence_kernel.store.two_clocks import NOW_SQL
from ringfence_kernel.values.clock import LEEWAY_NS
from ringfence_kernel.values.errors import ClockWrong, StoreUnavailable
from ringfence_kernel.values.recorded import Recorded

log = structlog.get_logger(__name__)

# One round trip: the database cuts the page, by sizes that it knows without fetching large states.
READ = """
SELECT notification_id, uuid_send(originator_id), originator_version, topic, state, chain_hash FROM (
    SELECT *, sum(octet_length(state)) OVER rising AS size, row_number() OVER rising AS number
    FROM stored_events WHERE notification_id > %s
    WINDOW rising AS (ORDER BY notification_id ROWS UNBOUNDED PRECEDING)
    ORDER BY notification_id LIMIT %s
) page WHERE size <= %s OR number = 1 ORDER BY notification_id
"""
# Also the hash of the event before each: without it nobody could tell whether an event is what was committed.
READ_AT = """
SELECT notification_id, uuid_send(originator_id), originator_version, topic, state, chain_hash,
    (SELECT before.chain_hash FROM stored_events before WHERE before.notification_id = page.notification_id - 1)
FROM (
    SELECT *, sum(octet_length(state)) OVER rising AS size, row_number() OVER rising AS number
    FROM stored_events WHERE notification_id = ANY(%s::bigint[])
    WINDOW rising AS (ORDER BY notification_id ROWS UNBOUNDED PRECEDING)
) page WHERE size <= %s OR number = 1 ORDER BY notification_id
"""
READ_STREAMS = """
SELECT notification_id, uuid_send(originator_id), originator_version, topic, state
FROM stored_events WHERE originator_id = ANY(%b) ORDER BY notification_id
"""
# The first event decides before any other is looked at: a stream may hold gigabytes.
READ_STREAM_BEGUN_BY = """
SELECT notification_id, uuid_send(originator_id), originator_version, topic, state FROM stored_events
WHERE originator_id = %b AND (
    SELECT first.topic = %b FROM stored_events first WHERE first.originator_id = %b AND first.originator_version = 1
) ORDER BY originator_version
"""
READ_CLOCK = f"SELECT {NOW_SQL} AS now_ns, tolerance_ns, accepted_ns FROM feed_head"  # nosec B608 # constants of ours alone
PAGE_BYTES = 3 * 1024 * 1024
RECONNECT_SECONDS = 0.2
NO_RESOURCES = "53"
"""Class of SQLSTATEs of a server that has no disk, memory or connections left (PostgreSQL, appendix A)."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to commit: stream id of 16 bytes, version from 1, topic, and state bytes."""

    stream: bytes
    version: int
    topic: str
    state: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A committed event with its place in the chain."""

    position: int
    stream: bytes
    version: int
    topic: str
    state: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a feed stands."""

    epoch: int
    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class DatabaseClock:
    """What the database's clock shows, UTC nanoseconds; how far others may be apart; up to when events may be dated."""

    now_ns: int
    tolerance_ns: int
    accepted_ns: int


class VersionConflict(Exception):
    """Another writer has written since; catch up and decide again."""


class ChainBroken(Exception):
    """A stored event does not continue the chain: its bytes or its place were changed."""

    def __init__(self, position: int) -> None:
        """Names the position of the first event that does not fit."""
        super().__init__(f"the event at position {position} does not continue the chain")
        self.position = position


class EventStore:
    """Appends and reads events; every call blocks, so a service calls it from threads."""

    def __init__(self, conninfo: str, *, settle_seconds: float = 30.0) -> None:
        """Connects lazily; `settle_seconds` bounds how long an append with unknown outcome is pursued."""
        self._recorder = ChainedRecorder(conninfo)
        self._settle_seconds = settle_seconds
        self._lent: set[psycopg.Connection[DictRow]] = set()
        self._is_abandoned = False

    def append(
        self,
        expected_position: int,
        events: Sequence[NewEvent],
        within: Sequence[Within] = (),
        rows: Rows | None = None,
        timing: Timing | None = None,
    ) -> Head:
        """Commits events right after `expected_position`, all or none, with their rows and the statements of `within`.

        A lost connection leaves the outcome open; it is found by trying again: either the events go in, or the feed
        has moved and its next events are compared with these. Statements without events may then run twice. Raises
        VersionConflict when the feed holds somebody else's events, CursorBehind when a table of `rows` lacks earlier
        ones, StoreUnavailable when the database has no room or stays away for longer than `settle_seconds`, or after
        `abandon`.
        Raises ClockWrong when the clock of `timing`, by default the machine's, and the database's disagree, and
        HistoryAhead when the latest time given is ahead of both. What waited on its way to the database is sent again.
        """
        library_events = [library_event(event.stream, event.version, event.topic, event.state) for event in events]
        give_up = time.monotonic() + self._settle_seconds
        in_doubt = False
        while True:
            sent = time.monotonic_ns()
            try:
                return Head(*self._recorder.append(expected_position, library_events, within, rows, timing))
            except ClockWrong as error:
                log.error("clock_wrong", position=expected_position, detail=str(error))
                if time.monotonic_ns() - sent < LEEWAY_NS or time.monotonic() > give_up:
                    raise
            except PositionTaken as taken:
                head = self._committed_earlier(expected_position, events) if in_doubt else None
                if head is None:
                    raise VersionConflict(str(taken)) from taken
                return head
            except (psycopg.InterfaceError, psycopg.OperationalError) as error:
                if (error.sqlstate or "").startswith(NO_RESOURCES) and not in_doubt:
                    # The server has said so itself, and has taken everything back.
                    log.error("store_without_room", error=type(error).__name__)
                    raise StoreUnavailable("the event store has no room") from error
                in_doubt = True
                if time.monotonic() > give_up or self._is_abandoned:
                    raise StoreUnavailable("the event store cannot be reached") from error
                log.warning("store_connection_lost", error=type(error).__name__)
                time.sleep(RECONNECT_SECONDS)

    def _committed_earlier(self, expected_position: int, events: Sequence[NewEvent]) -> Head | None:
        """Returns the head that an earlier try of the same append has reached, if it did."""
        found = [event for page in self._pages(expected_position, len(events)) for event in page]
        if not events or [(e.stream, e.version, e.topic, e.state) for e in found] != [
            (e.stream, e.version, e.topic, e.state) for e in events
        ]:
            return None
        return Head(self.head().epoch, found[-1].position, found[-1].hash)

    def read(self, after: int, limit: int, max_bytes: int = PAGE_BYTES) -> list[StoredEvent]:
        """Returns up to `limit` events after a position, in order; at least one, then cut at `max_bytes` of state."""
        with self.connection() as connection:
            return read_page(connection, after, limit, max_bytes)

    def read_at(self, positions: Sequence[int], max_bytes: int = PAGE_BYTES) -> list[tuple[StoredEvent, bytes]]:
        """Returns the events at positions, in order, each with the hash of the one before; cut as `read` does."""
        with self.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(READ_AT, (list(positions), max_bytes)).fetchall()
        return [(StoredEvent(*event), GENESIS if before is None else before) for *event, before in rows]

    def replay(self, codec: EventCodec, after: int = 0, until: int | None = None) -> Iterator[Recorded]:
        """Yields decoded events in order, as far as `until` or to the end."""
        for page in self._pages(after, None if until is None else until - after):
            for stored in page:
                yield codec.recorded(stored.position, stored.stream, stored.version, stored.topic, stored.state)

    def replay_streams(self, codec: EventCodec, streams: Sequence[bytes]) -> Iterator[Recorded]:
        """Yields the decoded events of some streams, in the order of the feed."""
        with self.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(READ_STREAMS, ([UUID(bytes=stream) for stream in streams],)).fetchall()
        for row in rows:
            yield codec.recorded(*row)

    def replay_begun_by(self, codec: EventCodec, stream: bytes, first: type[Event]) -> Iterator[Recorded]:
        """Yields the decoded events of a stream that such an event has begun, in order; none of any other stream.

        For an id that a caller has given: nothing but its first event's topic is read of a stream of another kind.
        """
        identifier = UUID(bytes=stream)
        with self.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(READ_STREAM_BEGUN_BY, (identifier, first.TOPIC, identifier)).fetchall()
        for row in rows:
            yield codec.recorded(*row)

    def _pages(self, after: int, limit: int | None = None) -> Iterator[list[StoredEvent]]:
        """Yields up to `limit` events after a position, page by page."""
        left = 2**63 if limit is None else limit
        while left > 0 and (page := self.read(after, min(left, 1_000))):
            yield page
            after, left = page[-1].position, left - len(page)

    def verify_chain(self) -> Head:
        """Recomputes the whole chain; returns the head, or raises ChainBroken at the first event that does not fit."""
        previous, position = GENESIS, 0
        head = self.head()
        for page in self._pages(0):
            for stored in page:
                position += 1
                previous = chain_hash(previous, position, stored.stream, stored.version, stored.topic, stored.state)
                if stored.position != position or stored.hash != previous:
                    raise ChainBroken(position)
        if position < head.position or (position == head.position and previous != head.hash):
            raise ChainBroken(head.position)
        return head

    def head(self) -> Head:
        """Returns where the feed stands."""
        with self.connection() as connection:
            return read_head(connection)

    def read_with_head(self, after: int, limit: int) -> tuple[list[StoredEvent], Head]:
        """Returns a page as `read` does, and the head, which never stands before the page's last event."""
        with self.connection() as connection:
            head = read_head(connection)
            if head.position <= after:
                return [], head
            return read_page(connection, after, limit), read_head(connection)

    def clock(self) -> DatabaseClock:
        """Returns what the database's clock shows, and how far events may be from it."""
        with self.connection() as connection:
            row = connection.execute(READ_CLOCK.encode()).fetchone()
        if row is None:
            raise AssertionError("the migration makes the head row")
        return DatabaseClock(row["now_ns"], row["tolerance_ns"], row["accepted_ns"])

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lends a pooled connection (autocommit, rows as dicts); raises StoreUnavailable when there is none."""
        try:
            with self._recorder.datastore.get_connection() as connection:
                self._lent.add(connection)
                try:
                    yield connection
                finally:
                    self._lent.discard(connection)
        except (InterfaceError, OperationalError) as error:
            raise StoreUnavailable("the event store cannot be reached") from error

    def abandon(self) -> None:
        """Ends whatever waits for the database now, and has appends with an unknown outcome be left unknown.

        For a process that may not write any more: its threads do not wait for a peer that may be gone. What the
        database has committed stands. Until `resume`.
        """
        self._is_abandoned = True
        self._recorder.abandon()
        for connection in list(self._lent):
            shut(connection)

    def resume(self) -> None:
        """Pursues appends with an unknown outcome again."""
        self._is_abandoned = False

    def close(self) -> None:
        """Closes all connections; ends whatever waits for the database, as `abandon` does."""
        self.abandon()
        self._recorder.close()


def read_head(connection: psycopg.Connection[DictRow]) -> Head:
    """Returns where the feed stands, by a connection that the caller has."""
    row = connection.execute("SELECT epoch, position, hash FROM feed_head").fetchone()
    if row is None:
        raise AssertionError("the migration makes the head row")
    return Head(row["epoch"], row["position"], bytes(row["hash"]))


def read_page(
    connection: psycopg.Connection[Any], after: int, limit: int, max_bytes: int = PAGE_BYTES
) -> list[StoredEvent]:
    """Returns events as `EventStore.read` does, by a connection that the caller has."""
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        return [StoredEvent(*row) for row in cursor.execute(READ, (after, limit, max_bytes))]


def load_cursor(store: EventStore, name: str) -> Head:
    """Returns the stored cursor; one that was never saved stands at the beginning of epoch 1."""
    with store.connection() as connection:
        return read_cursor(connection, name)


def read_cursor(connection: psycopg.Connection[DictRow], name: str) -> Head:
    """Returns a cursor as `load_cursor` does, by a connection that the caller has."""
    row = connection.execute("SELECT epoch, position, hash FROM cursors WHERE name = %s", (name,)).fetchone()
    return Head(row["epoch"], row["position"], bytes(row["hash"])) if row else Head(1, 0, GENESIS)


def save_cursor(connection: psycopg.Connection[Any], name: str, head: Head) -> None:
    """Stores a cursor inside the caller's transaction."""
    connection.execute(
        "INSERT INTO cursors VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO UPDATE"
        " SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash",
        (name, head.epoch, head.position, head.hash),
    )


def advance_cursor(connection: psycopg.Connection[Any], name: str, position: int, head: Head) -> bool:
    """Moves a cursor from a position to `head` inside the caller's transaction; False when it stands elsewhere.

    The cursor's row is locked until the transaction ends: of several processes that share a cursor, each page is
    handled by one.
    """
    moved = connection.execute(
        "INSERT INTO cursors AS held VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO UPDATE"
        " SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash WHERE held.position = %s",
        (name, head.epoch, head.position, head.hash, position),
    )
    return moved.rowcount == 1


def move_cursor(connection: psycopg.Connection[Any], name: str, position: int, head: Head) -> None:
    """Moves a cursor from a position to `head` inside the caller's transaction, once or again.

    Raises VersionConflict when it stands elsewhere: another process follows the same source.
    """
    if advance_cursor(connection, name, position, head):
        return
    row = connection.execute("SELECT position, hash FROM cursors WHERE name = %s", (name,)).fetchone()
    if row is None or (row["position"], bytes(row["hash"])) != (head.position, head.hash):
        raise VersionConflict(f"the cursor {name} is not at {position}")
