"""The store as the rest of a service sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from eventsourcing.persistence import InterfaceError, OperationalError
from psycopg.rows import DictRow

from ringfence_kernel.codec import EventCodec, Recorded
from ringfence_kernel.errors import StoreUnavailable
from ringfence_kernel.store.chain import GENESIS, chain_hash
from ringfence_kernel.store.recorder import ChainedRecorder, PositionTaken, Within, library_event, open_datastore

log = structlog.get_logger(__name__)

READ = (
    "SELECT notification_id, originator_id, originator_version, topic, state, chain_hash FROM stored_events"
    " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)
PAGE_BYTES = 3 * 1024 * 1024
RECONNECT_SECONDS = 0.2


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
        self._datastore = open_datastore(conninfo)
        self._recorder = ChainedRecorder(self._datastore)
        self._settle_seconds = settle_seconds

    def append(self, expected_position: int, events: Sequence[NewEvent], within: Sequence[Within] = ()) -> Head:
        """Commits events right after `expected_position`, all or none, with the statements of `within`.

        A lost connection leaves the outcome open; it is found by trying again: either the events go in, or the feed
        has moved and its next events are compared with these. Raises VersionConflict when they are somebody else's,
        StoreUnavailable when the database stays away for longer than `settle_seconds`.
        """
        rows = [library_event(event.stream, event.version, event.topic, event.state) for event in events]
        give_up = time.monotonic() + self._settle_seconds
        while True:
            try:
                return Head(*self._recorder.append(expected_position, rows, within))
            except PositionTaken as taken:
                return self._settle(expected_position, events, taken)
            except (InterfaceError, OperationalError) as error:
                if time.monotonic() > give_up:
                    raise StoreUnavailable("the event store cannot be reached") from error
                log.warning("store_connection_lost", error=type(error).__name__)
                time.sleep(RECONNECT_SECONDS)

    def _settle(self, expected_position: int, events: Sequence[NewEvent], taken: PositionTaken) -> Head:
        """Returns the head of an earlier try that did commit, or raises VersionConflict."""
        found = self.read(expected_position, len(events))
        if not events or [(e.stream, e.version, e.topic, e.state) for e in found] != [
            (e.stream, e.version, e.topic, e.state) for e in events
        ]:
            raise VersionConflict(str(taken)) from taken
        return Head(self.head().epoch, found[-1].position, found[-1].hash)

    def read(self, after: int, limit: int, max_bytes: int = PAGE_BYTES) -> list[StoredEvent]:
        """Returns up to `limit` events after a position, in order; at least one, then cut at `max_bytes` of state."""
        page: list[StoredEvent] = []
        size = 0
        with self.connection() as connection, connection.transaction(), connection.cursor("page", binary=True) as rows:
            rows.itersize = 200
            rows.execute(READ, (after, limit))
            for row in rows:
                size += len(row["state"])
                if page and size > max_bytes:
                    break
                page.append(
                    StoredEvent(
                        row["notification_id"],
                        row["originator_id"].bytes,
                        row["originator_version"],
                        row["topic"],
                        bytes(row["state"]),
                        bytes(row["chain_hash"]),
                    )
                )
        return page

    def replay(self, codec: EventCodec, after: int = 0, until: int | None = None) -> Iterator[Recorded]:
        """Yields decoded events in order, as far as `until` or to the end."""
        while page := self.read(after, 1_000):
            for stored in page:
                if until is not None and stored.position > until:
                    return
                event, envelope = codec.decode(stored.topic, stored.state)
                yield Recorded(
                    stored.position, stored.stream, stored.version, event, envelope.recorded_at_ns, envelope.traceparent
                )
            after = page[-1].position

    def verify_chain(self) -> Head:
        """Recomputes the whole chain; returns the head, or raises ChainBroken at the first event that does not fit."""
        previous, position = GENESIS, 0
        head = self.head()
        while page := self.read(position, 1_000):
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
            row = connection.execute("SELECT epoch, position, hash FROM feed_head").fetchone()
        if row is None:
            raise AssertionError("the migration makes the head row")
        return Head(row["epoch"], row["position"], bytes(row["hash"]))

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lends a pooled connection (autocommit, rows as dicts); raises StoreUnavailable when there is none."""
        try:
            with self._datastore.get_connection() as connection:
                yield connection
        except (InterfaceError, OperationalError) as error:
            raise StoreUnavailable("the event store cannot be reached") from error

    def close(self) -> None:
        """Closes the pool."""
        self._datastore.close()


def load_cursor(store: EventStore, name: str) -> Head:
    """Returns the stored cursor; one that was never saved stands at the beginning of epoch 1."""
    with store.connection() as connection:
        row = connection.execute("SELECT epoch, position, hash FROM cursors WHERE name = %s", (name,)).fetchone()
    return Head(row["epoch"], row["position"], bytes(row["hash"])) if row else Head(1, 0, GENESIS)


def save_cursor(connection: psycopg.Connection[Any], name: str, head: Head) -> None:
    """Stores a cursor inside the caller's transaction."""
    connection.execute(
        "INSERT INTO cursors VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO UPDATE"
        " SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash",
        (name, head.epoch, head.position, head.hash),
    )
