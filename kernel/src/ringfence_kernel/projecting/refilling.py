"""Fills a read model anew while the service runs: in shadow tables, which take the live ones' place at the head.

Readers see the old rows until the swap and the new ones after it. Whoever is killed on the way leaves the live tables
as they were, and shadow tables that the next attempt throws away.
"""

from __future__ import annotations

import time

import psycopg
import structlog
from psycopg.rows import DictRow

from ringfence_kernel.projecting.projector import PAGE_EVENTS, ReadModel, cursor_name, decode, lock_tables
from ringfence_kernel.store import EventStore, Head, load_cursor, save_cursor
from ringfence_kernel.store.chain import GENESIS
from ringfence_kernel.store.codec import EventCodec

log = structlog.get_logger(__name__)

SWAP_ATTEMPTS = 30
LOCK_SECONDS = 2
"""How long the swap waits for readers to leave the live tables, while new ones wait behind it."""


class RebuildUnderWay(Exception):
    """Another process is filling this read model anew."""


class ReadersInTheWay(Exception):
    """Somebody reads the live tables in one long transaction; nothing was changed."""


def refill(store: EventStore, codec: EventCodec, model: ReadModel) -> None:
    """Fills shadow tables page by page up to the head, then swaps; blocks until it is done.

    Raises RebuildUnderWay, StoreUnavailable, and ReadersInTheWay when they do not let go within two minutes.
    """
    with store.connection() as connection:
        key = f"refill:{model.name}"
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS ours", (key,)).fetchone()
        if not row or not row["ours"]:
            raise RebuildUnderWay(model.name)
        try:
            connection.execute("SELECT open_shadow(%s)", (list(model.tables),))
            _fill_and_swap(store, connection, codec, model)
        finally:
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


def _fill_and_swap(
    store: EventStore, connection: psycopg.Connection[DictRow], codec: EventCodec, model: ReadModel
) -> None:
    reached = Head(load_cursor(store, cursor_name(model)).epoch, 0, GENESIS)
    for attempt in range(1, SWAP_ATTEMPTS + 1):
        while (later := _fill_page(store, connection, codec, model, reached)) != reached:
            reached = later
        try:
            _swap(store, connection, codec, model, reached)
        except psycopg.errors.LockNotAvailable as error:
            log.warning("swap_waits", model=model.name, attempt=attempt)
            if attempt == SWAP_ATTEMPTS:
                raise ReadersInTheWay(model.name) from error
            time.sleep(LOCK_SECONDS)
        else:
            log.info("refilled", model=model.name, position=reached.position)
            return


def _fill_page(
    store: EventStore,
    connection: psycopg.Connection[DictRow],
    codec: EventCodec,
    model: ReadModel,
    reached: Head,
    until: int | None = None,
) -> Head:
    """Projects the next page into the shadow tables; returns how far they have come."""
    page = [each for each in store.read(reached.position, PAGE_EVENTS) if until is None or each.position <= until]
    if not page:
        return reached
    with connection.transaction():
        connection.execute("SET LOCAL search_path = shadow, public; SET LOCAL synchronous_commit = off")
        model.project(connection, decode(codec, page))
    return Head(reached.epoch, page[-1].position, page[-1].hash)


def _swap(
    store: EventStore, connection: psycopg.Connection[DictRow], codec: EventCodec, model: ReadModel, reached: Head
) -> None:
    """Holds up whoever writes the tables, catches up with the cursor if it is further, and swaps; readers read on."""
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
        connection.execute(lock_tables(model, "SHARE ROW EXCLUSIVE"))
        query = "SELECT position FROM cursors WHERE name = %s FOR UPDATE"
        row = connection.execute(query, (cursor_name(model),)).fetchone()
        while row and reached.position < row["position"]:
            reached = _fill_page(store, connection, codec, model, reached, until=row["position"])
        connection.execute("SELECT swap_shadow(%s)", (list(model.tables),))
        save_cursor(connection, cursor_name(model), reached)
