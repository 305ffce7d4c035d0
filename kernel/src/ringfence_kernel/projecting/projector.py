"""Read models: tables filled from the feed, rows and cursor in one transaction, rebuilt from events at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import DictRow

from ringfence_kernel.feed.pulling import GATHER_SECONDS, Pulling
from ringfence_kernel.store import EventStore, Head, StoredEvent, advance_cursor, read_cursor, read_page
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.recorded import Recorded

log = structlog.get_logger(__name__)

PAGE_EVENTS = 1_000
TURN_SECONDS = 0.25
"""For so long a page waits for another model's, whatever holds that up."""
LARGE_PAGE_BYTES = 512 * 1024
BOUNDS = b"SET LOCAL synchronous_commit = off; SET LOCAL idle_in_transaction_session_timeout = '10s'; "
"""Rows and cursor come or go together, so a crash costs a little work and no fact: the disk can wait. Who vanishes in
the middle does not keep its locks."""


class ReadModel(Protocol):
    """A set of tables and how events fill them. Table names are written without a schema."""

    name: str
    tables: Sequence[str]

    def project(self, connection: psycopg.Connection[DictRow], recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events; called once per event, in order, inside a transaction."""


@runtime_checkable
class ComparedModel(ReadModel, Protocol):
    """A read model whose rows may differ in their bytes and say the same: what a library has compressed, for one."""

    def differences(self, connection: psycopg.Connection[DictRow]) -> dict[str, int]:
        """Returns how many rows say something else than those rebuilt in temporary tables of their names, by table."""


@dataclass(slots=True)
class Projector:
    """Keeps one read model up to date; `position` is how far it has come.

    `hold` tells whether to put the next page off, as long as nobody waits for it. Those that share a `turn` take the
    pages that follow news one after the other, so that callers share the interpreter with one of them, not with all;
    a backlog's pages, and those that somebody waits for, wait for no turn.
    """

    store: EventStore
    codec: EventCodec
    model: ReadModel
    position: int = 0
    hold: Callable[[], bool] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _pulling: Pulling = field(default_factory=lambda: Pulling(PAGE_EVENTS))
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reading: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "projection"))
    _ahead: tuple[int, Future[list[StoredEvent]]] | None = None

    def ring(self) -> None:
        """Tells the projector that events were committed."""
        self._pulling.ring()

    async def run(self) -> None:
        """Projects until cancelled."""
        await self._pulling.run(self._pull)

    async def _pull(self) -> int | None:
        """Projects a page unless it is put off; where the next one was read ahead, or put off, it goes on at once."""
        if self.hold is not None and not self._waiting and self.hold():
            await asyncio.sleep(GATHER_SECONDS)
            return PAGE_EVENTS
        try:
            async with self._in_turn():
                count = await asyncio.to_thread(self.step)
        except StoreUnavailable:
            log.warning("projection_waits", model=self.model.name)
            return None
        async with self._moved:
            self._moved.notify_all()
        return PAGE_EVENTS if self._ahead else count

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        has_turn = not (self._ahead or self._waiting) and await self._take_turn()
        try:
            yield
        finally:
            if has_turn:
                self.turn.release()

    async def _take_turn(self) -> bool:
        """Waits for the turn; returns False where somebody waits for the page, or the turn does not come."""
        self._wanted.clear()
        taking: asyncio.Future[bool] = asyncio.ensure_future(self.turn.acquire())
        wanted = asyncio.ensure_future(self._wanted.wait())
        has_turn = False
        try:
            await asyncio.wait((taking, wanted), timeout=TURN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            has_turn = taking.done()
        finally:
            wanted.cancel()
            taking.cancel()
            if not has_turn:
                taking.add_done_callback(self._give_back)
        return has_turn

    def _give_back(self, taking: asyncio.Future[bool]) -> None:
        """Gives a turn back that came when nobody waited for it any more."""
        if not taking.cancelled():
            self.turn.release()

    def step(self) -> int:
        """Projects one page, or finds that another process has; returns how many events it had. Blocks."""
        name = cursor_name(self.model)
        with self.store.connection() as connection:
            cursor = read_cursor(connection, name)
            self.position = cursor.position
            page = self._page_after(connection, cursor.position)
            if not page:
                return 0
            recorded = decode(self.codec, page)
            reached = Head(cursor.epoch, page[-1].position, page[-1].hash)
            with connection.transaction():
                connection.execute(BOUNDS + lock_tables(self.model, "ROW EXCLUSIVE"))
                # The cursor's lock keeps every other projector of this model out until the rows are there.
                if not advance_cursor(connection, name, cursor.position, reached):
                    return len(page)
                self.model.project(connection, recorded)
        self.position = reached.position
        return len(page)

    def _page_after(self, connection: psycopg.Connection[DictRow], position: int) -> list[StoredEvent]:
        """Returns a page, read while the one before was written if that was a large one; reads the one after ahead."""
        ahead, self._ahead = self._ahead, None
        page = ahead[1].result() if ahead and ahead[0] == position else []
        page = page or read_page(connection, position, PAGE_EVENTS)
        if sum(len(each.state) for each in page) > LARGE_PAGE_BYTES:
            after = page[-1].position
            self._ahead = after, self._reading.submit(self.store.read, after, PAGE_EVENTS)
        return page

    async def reached(self, position: int) -> None:
        """Waits until the read model shows everything up to a position; the caller sets the deadline."""
        self._waiting += 1
        self._wanted.set()
        try:
            async with self._moved:
                await self._moved.wait_for(lambda: self.position >= position)
        finally:
            self._waiting -= 1


def fill(store: EventStore, codec: EventCodec, model: ReadModel) -> None:
    """Projects everything that the store holds and the model lacks; blocks, raises StoreUnavailable."""
    projector = Projector(store, codec, model)
    while projector.step():
        pass


def cursor_name(model: ReadModel) -> str:
    """Returns the name of the cursor that tells how far a read model has come."""
    return f"projection:{model.name}"


def lock_tables(model: ReadModel, mode: str) -> bytes:
    """Returns the statement that locks a model's tables; always before its cursor, as writers of inline tables do.

    A statement that inserts rows has its tables from the start, whatever else it does first (PostgreSQL, 13.3.1).
    """
    return f"LOCK TABLE {', '.join(model.tables)} IN {mode} MODE".encode()


def decode(codec: EventCodec, page: Sequence[StoredEvent]) -> list[Recorded]:
    """Returns the decoded events of a page."""
    return [codec.recorded(each.position, each.stream, each.version, each.topic, each.state) for each in page]


def rebuild_and_compare(store: EventStore, codec: EventCodec, model: ReadModel) -> dict[str, int]:
    """Rebuilds the read model beside the live one, from events alone, and counts differing rows per table.

    Temporary tables of the same names shadow the live ones, so that the same code fills them. The live model is
    compared at its own cursor, in one snapshot.
    """
    with store.connection() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute("SELECT position FROM cursors WHERE name = %s", (cursor_name(model),)).fetchone()
        until = row["position"] if row else 0
        for table in model.tables:
            connection.execute(
                sql.SQL("CREATE TEMP TABLE {t} (LIKE public.{t} INCLUDING ALL) ON COMMIT DROP").format(
                    t=sql.Identifier(table)
                )
            )
        # Plans made for the live tables do not notice what shadows them now, and would write there.
        connection.execute("DISCARD PLANS")
        reached = 0
        # Page by page, which are bounded in bytes: a thousand large events would be a gigabyte.
        while reached < until and (page := store.read(reached, min(PAGE_EVENTS, until - reached))):
            model.project(connection, decode(codec, page))
            reached = page[-1].position
        if isinstance(model, ComparedModel):
            return model.differences(connection)
        return {table: _differences(connection, table) for table in model.tables}


def _differences(connection: psycopg.Connection[DictRow], table: str) -> int:
    """Returns how many rows are in one of the two tables only."""
    query = sql.SQL(
        "SELECT (SELECT count(*) FROM (TABLE pg_temp.{t} EXCEPT ALL TABLE public.{t}) a)"
        " + (SELECT count(*) FROM (TABLE public.{t} EXCEPT ALL TABLE pg_temp.{t}) b) AS rows"
    ).format(t=sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return int(row["rows"]) if row else 0
