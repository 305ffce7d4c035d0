"""eventsourcing's PostgreSQL recorder with gapless, chained positions in place of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import sql
from psycopg.rows import DictRow

APPEND = sql.SQL("SELECT * FROM append_events(%b::bigint, %b::uuid[], %b::bigint[], %b::text[], %b::bytea[])")

Within = Callable[[psycopg.Connection[DictRow]], None]


class PositionTaken(Exception):
    """The feed is not where the writer believes: somebody else has written."""


class LazyDatastore(PostgresDatastore):
    """The library's pool of connections, without its composite types: nothing connects before it is used."""

    def register_type_adapters(self) -> None:
        """Does nothing: events travel as plain arrays."""


class ChainedRecorder(PostgresApplicationRecorder):
    """Appends through one SECURITY DEFINER function; the tables come from migrations, never from here."""

    def create_table(self) -> None:
        """Does nothing: the service's role may not create tables."""

    def append(
        self, expected_position: int, events: Sequence[LibraryEvent], within: Sequence[Within] = ()
    ) -> tuple[int, int, bytes]:
        """Commits the events and whatever `within` adds in one transaction; returns the head: epoch, position, hash.

        Raises PositionTaken when the feed does not stand at `expected_position`, and the library's PersistenceError
        family for everything else.
        """
        arguments: list[Any] = [
            expected_position,
            [event.originator_id for event in events],
            [event.originator_version for event in events],
            [event.topic for event in events],
            [event.state for event in events],
        ]
        with self.datastore.get_connection() as connection:
            try:
                with connection.transaction():
                    row = connection.execute(APPEND, arguments, prepare=True).fetchone()
                    for extra in within:
                        extra(connection)
            except (psycopg.errors.SerializationFailure, psycopg.errors.UniqueViolation) as error:
                raise PositionTaken(str(error)) from error
        if row is None:
            raise AssertionError("append_events answers one row")
        return row["epoch"], row["position"], bytes(row["hash"])

    def insert_events(self, stored_events: Sequence[LibraryEvent], **kwargs: Any) -> Sequence[int]:
        """Appends at the head, wherever it stands: the library's own entry point, for its applications."""
        first = (self.max_notification_id() or 0) + 1
        if stored_events:
            self.append(first - 1, stored_events)
        return range(first, first + len(stored_events))


def open_datastore(conninfo: str, connections: int = 8) -> PostgresDatastore:
    """Opens a pool for a libpq connection string or URL."""
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    return LazyDatastore(
        dbname=str(parts.get("dbname", "")),
        host=str(parts.get("host", "")),
        port=str(parts.get("port", "5432")),
        user=str(parts.get("user", "")),
        password=str(parts.get("password", "")),
        connect_timeout=5.0,
        pool_size=1,
        max_overflow=connections - 1,
        pre_ping=True,
    )


def library_event(stream: bytes, version: int, topic: str, state: bytes) -> LibraryEvent:
    """Returns the library's record of an event."""
    return LibraryEvent(originator_id=UUID(bytes=stream), originator_version=version, topic=topic, state=state)
