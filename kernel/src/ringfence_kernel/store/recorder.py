"""eventsourcing's PostgreSQL recorder with gapless, chained positions in place of a sequence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent as LibraryEvent
from eventsourcing.postgres import ConnectionPool, PostgresApplicationRecorder, PostgresDatastore
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from ringfence_kernel.store.refusals import CLOCK_WRONG, CURSOR_BEHIND, HISTORY_AHEAD
from ringfence_kernel.store.sockets import check, parameters_of, shut
from ringfence_kernel.values.clock import Clock, SystemClock
from ringfence_kernel.values.errors import ClockWrong, HistoryAhead

READING_CONNECTIONS = 8
RECONNECT_SECONDS = 2.0
"""Pauses between attempts of the pool double until this; then the next reader starts them anew."""
BOUNDS = "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '5s'"
"""Who vanishes in the middle of a commit holds up whoever leads next for no longer, by whatever it has locked."""
"""A writer neither waits for ever for the head, nor keeps it from others when its process stands still."""

_EVENTS = "%b::bigint, %b::bigint, %b::bigint, %b::uuid[], %b::bigint[], %b::text[], %b::bytea[]"
APPEND = f"SELECT * FROM append_events({_EVENTS})".encode()  # nosec B608 # constants of ours alone
APPEND_AND_MOVE = f"SELECT * FROM append_and_move({_EVENTS}, %b::text[])"  # nosec B608 # constants of ours alone

Within = Callable[[psycopg.Connection[DictRow]], None]


class PositionTaken(Exception):
    """The feed is not where the writer believes: somebody else has written."""


class CursorBehind(Exception):
    """Tables that are written with the events lack events before these; nothing was written."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """A statement that inserts rows, with a %b for each of its parameters."""

    statement: str
    parameters: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is written with events in one statement: the rows of some tables, and the cursors of all of them."""

    cursors: Sequence[str]
    insertions: Sequence[Insertion]


@dataclass(frozen=True, slots=True)
class Timing:
    """What a writer says of time: its clock, read as the events are sent, and the latest time that it has given."""

    clock: Clock = field(default_factory=SystemClock)
    newest_ns: int = 0


_REFUSALS: dict[str, type[Exception]] = {
    CURSOR_BEHIND: CursorBehind,
    CLOCK_WRONG: ClockWrong,
    HISTORY_AHEAD: HistoryAhead,
}


@lru_cache
def _append_with(statements: tuple[str, ...]) -> bytes:
    rows = ", ".join(f"rows_{number} AS ({statement})" for number, statement in enumerate(statements))
    return f"{'WITH ' if rows else ''}{rows} {APPEND_AND_MOVE}".encode()


class LazyDatastore(PostgresDatastore):
    """The library's pool of connections, for readers, with every parameter of the connection string.

    Nothing connects before it is used, and attempts to connect start afresh before their pauses have grown long.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Takes the parameters of a libpq connection string."""
        super().__init__("", "", "", "", "")
        self.pool = ConnectionPool(
            kwargs={**parameters, "row_factory": dict_row},
            connection_class=psycopg.Connection[DictRow],
            min_size=1,
            max_size=READING_CONNECTIONS,
            open=False,
            configure=self.after_connect_func(),
            check=check,
            timeout=5.0,
            reconnect_timeout=RECONNECT_SECONDS,
        )

    def register_type_adapters(self) -> None:
        """Does nothing: events travel as plain arrays."""


class WritingConnection:
    """The one connection that appends: never lent to readers, checked by use alone, given up after a failure."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        """Takes the parameters of a libpq connection string; connects when it is used."""
        self._parameters = parameters
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[DictRow] | None = None

    @contextmanager
    def use(self) -> Iterator[psycopg.Connection[DictRow]]:
        """Lends the connection to one thread at a time; raises psycopg.OperationalError when there is none."""
        with self._lock:
            connection = self._connection
            if connection is None or connection.closed:
                connection = self._connection = self._connect()
            try:
                yield connection
            except BaseException:
                if connection.info.transaction_status is not TransactionStatus.IDLE:
                    connection.close()
                raise

    def _connect(self) -> psycopg.Connection[DictRow]:
        connection = psycopg.connect(**self._parameters, autocommit=True, row_factory=dict_row)
        connection.execute(BOUNDS)
        return connection

    def abandon(self) -> None:
        """Ends the connection, whoever uses it: it waits no longer for its server."""
        connection = self._connection
        if connection is not None and not connection.closed:
            shut(connection)

    def close(self) -> None:
        """Closes the connection when nobody uses it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()


class ChainedRecorder(PostgresApplicationRecorder):
    """Appends through one SECURITY DEFINER function; the tables come from migrations, never from here."""

    def __init__(self, conninfo: str) -> None:
        """Takes a libpq connection string or URL."""
        parameters = parameters_of(conninfo)
        super().__init__(LazyDatastore(parameters))
        self._writing = WritingConnection(parameters)

    def create_table(self) -> None:
        """Does nothing: the service's role may not create tables."""

    def append(
        self,
        expected_position: int,
        events: Sequence[LibraryEvent],
        within: Sequence[Within] = (),
        rows: Rows | None = None,
        timing: Timing | None = None,
    ) -> tuple[int, int, bytes]:
        """Commits the events, their rows and whatever `within` adds together; returns the head: epoch, position, hash.

        Events and rows take one round trip. Raises PositionTaken when the feed does not stand at `expected_position`,
        CursorBehind when a cursor does not, ClockWrong and HistoryAhead by what the database's clock shows as the
        events arrive, and psycopg.Error for everything else.
        """
        timing = timing or Timing()
        arguments: list[Any] = [
            [event.originator_id for event in events],
            [event.originator_version for event in events],
            [event.topic for event in events],
            [event.state for event in events],
        ]
        query, before = APPEND, list[Any]()
        if rows is not None:
            query = _append_with(tuple(each.statement for each in rows.insertions))
            before = [parameter for each in rows.insertions for parameter in each.parameters]
            arguments = [*arguments, list(rows.cursors)]
        with self._writing.use() as connection, connection.transaction() if within else nullcontext():
            sent = [expected_position, timing.clock.now_ns(), timing.newest_ns]
            try:
                row = connection.execute(query, [*before, *sent, *arguments], prepare=True).fetchone()
            except psycopg.Error as error:
                refusal = _refusal(error)
                if refusal is None:
                    raise
                raise refusal from error
            for extra in within:
                extra(connection)
        if row is None:
            raise AssertionError("append_events answers one row")
        return row["epoch"], row["position"], bytes(row["hash"])

    def abandon(self) -> None:
        """Ends an append that waits for the server; see WritingConnection."""
        self._writing.abandon()

    def insert_events(self, stored_events: Sequence[LibraryEvent], **kwargs: Any) -> Sequence[int]:
        """Appends at the head, wherever it stands: the library's own entry point, for its applications."""
        first = (self.max_notification_id() or 0) + 1
        if stored_events:
            self.append(first - 1, stored_events)
        return range(first, first + len(stored_events))

    def close(self) -> None:
        """Closes all connections."""
        self._writing.close()
        self.datastore.close()


def _refusal(error: psycopg.Error) -> Exception | None:
    """Returns what an error of an append means to the writer; None for all that are not about positions or times."""
    if error.sqlstate in _REFUSALS:
        return _REFUSALS[error.sqlstate](error.diag.message_primary or "")
    is_taken = isinstance(error, psycopg.errors.UniqueViolation) and error.diag.table_name == "stored_events"
    if is_taken or isinstance(error, psycopg.errors.SerializationFailure):
        return PositionTaken(str(error))
    return None


def library_event(stream: bytes, version: int, topic: str, state: bytes) -> LibraryEvent:
    """Returns the library's record of an event."""
    return LibraryEvent(originator_id=UUID(bytes=stream), originator_version=version, topic=topic, state=state)
