"""Who leads: a PostgreSQL session lock that lives as long as its holder shows signs of life.

The lease only saves work. Two that both believe they hold it cannot both commit: every append names the position that
it follows (docs/adr/0002-position-is-the-fence.md).
"""

from __future__ import annotations

import asyncio
import time

import psycopg
from psycopg.rows import DictRow, dict_row

from ringfence_kernel.store.sockets import parameters_of, readable
from ringfence_kernel.values.errors import StoreUnavailable

LEASE_SECONDS = 3.0
BEAT_SECONDS = 1.0
# Whoever stands still loses its session, and with it the lock: a process that hangs, a host that is gone.
BOUND = f"SET idle_session_timeout = '{LEASE_SECONDS:g}s'"
# The lock belongs to the database, and a database to one service.
ATTEMPT = (
    "SELECT pg_try_advisory_lock(hashtextextended('ringfence leader', 0)) AS is_held,"
    " (SELECT position FROM feed_head) AS position"
)
BEAT = "SELECT position FROM feed_head"


class Lease:
    """One session of one process; used by one task at a time, which must beat or attempt within `LEASE_SECONDS`.

    The holder's clock starts before a statement is sent, the server's idle clock after it has run: the lease ends here
    before it can begin elsewhere, also for a process that was stopped and goes on.
    """

    def __init__(self, conninfo: str) -> None:
        """Takes a libpq connection string or URL; connects at the first attempt."""
        self._parameters = parameters_of(conninfo)
        self._connection: psycopg.AsyncConnection[DictRow] | None = None
        self._good_until = 0.0
        self.position = 0
        """Where the feed stood when the database was last asked."""
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def is_held(self) -> bool:
        """Tells whether nobody else can hold the lease now, as far as this process can know."""
        return time.monotonic() < self._good_until

    async def attempt(self) -> bool:
        """Tries to take the lease, and looks where the feed stands; returns whether the lease is held now.

        Raises StoreUnavailable.
        """
        await self._connected()
        started = time.monotonic()
        row = await self._ask(ATTEMPT, LEASE_SECONDS)
        if row["is_held"]:
            self._good_until = started + LEASE_SECONDS
        self.position = row["position"]
        return bool(row["is_held"])

    async def keep(self) -> None:
        """Keeps the lease that an attempt has won; returns when it is lost, at once where the server says so.

        Cancelled, it lets a beat on its way end: what is being written needs the lease until it has ended.
        """
        while self._connection is not None and self.is_held:
            try:
                # What the server may say unasked: that the session has ended.
                await readable(self._connection.fileno(), BEAT_SECONDS)
                beating = asyncio.create_task(self._beat())
                try:
                    await asyncio.shield(beating)
                except asyncio.CancelledError:
                    await asyncio.gather(beating, return_exceptions=True)
                    raise
            except (psycopg.Error, StoreUnavailable):
                break
        await self.release()

    async def _beat(self) -> None:
        """Shows a sign of life, and looks where the feed stands."""
        started = time.monotonic()
        row = await self._ask(BEAT, self._good_until - started)
        self._good_until = started + LEASE_SECONDS
        self.position = row["position"]

    async def release(self) -> None:
        """Gives the lease up, if it is held, and ends the session."""
        self._good_until = 0.0
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _ask(self, statement: str, seconds: float) -> DictRow:
        """Runs a statement that answers one row; a server that does not answer in time is left to itself."""
        asking = asyncio.ensure_future(_first_row(await self._connected(), statement))
        try:
            await asyncio.wait({asking}, timeout=seconds)
        finally:
            if not asking.done():
                self._abandon(asking)
        if asking.cancelled() or not asking.done():
            raise StoreUnavailable("the event store does not answer")
        try:
            return asking.result()
        except psycopg.Error as error:
            await self.release()
            raise StoreUnavailable("the event store cannot be reached") from error

    async def _connected(self) -> psycopg.AsyncConnection[DictRow]:
        """Returns the session, a new one where there is none; a server may take longer to let in than a lease lasts."""
        if self._connection is None:
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> psycopg.AsyncConnection[DictRow]:
        try:
            connection = await psycopg.AsyncConnection.connect(
                **self._parameters, autocommit=True, row_factory=dict_row
            )
            await connection.execute(BOUND)
        except psycopg.Error as error:
            raise StoreUnavailable("the event store cannot be reached") from error
        return connection

    def _abandon(self, asking: asyncio.Future[DictRow]) -> None:
        """Lets go of the session without waiting for the server, which may be gone."""
        self._good_until = 0.0
        connection, self._connection = self._connection, None

        async def end() -> None:
            asking.cancel()
            await asyncio.wait({asking})
            if connection is not None:
                await connection.close()

        ending = asyncio.create_task(end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _first_row(connection: psycopg.AsyncConnection[DictRow], statement: str) -> DictRow:
    row = await (await connection.execute(statement.encode())).fetchone()
    if row is None:
        raise AssertionError("the statement answers one row")
    return row
