"""Tables written in the transaction of the events that fill them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest
from ringfence_kernel.projecting.projector import fill, rebuild_and_compare
from ringfence_kernel.projecting.refilling import refill
from ringfence_kernel.store import EventStore, load_cursor
from ringfence_kernel.store.recorder import CursorBehind, Insertion
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.servers.database import Database
from structlog.testing import capture_logs

from ..tally import CODEC, Tally, TallyModel, count


@pytest.fixture
async def writer(tally_store: EventStore) -> AsyncIterator[GroupWriter]:
    """A running writer that keeps the table of counts with the events."""
    made = GroupWriter(tally_store, CODEC, Tally(), ManualClock(1_000), [TallyModel()])
    made.load()
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def rows(store: EventStore) -> list[tuple[str, int, int]]:
    """Returns the table's rows."""
    with store.connection() as connection:
        found = connection.execute("SELECT name, total, position FROM tally ORDER BY position").fetchall()
    return [(row["name"], row["total"], row["position"]) for row in found]


async def test_rows_are_there_when_the_reply_is(writer: GroupWriter, tally_store: EventStore) -> None:
    """A caller who has an answer finds the row of its event, and the cursor is at the head."""
    for number in range(1, 4):
        await writer.commit(count(writer.state, "a", number))
        assert rows(tally_store)[-1] == ("a", number, number)
    assert load_cursor(tally_store, "projection:tally") == tally_store.head()
    assert rebuild_and_compare(tally_store, CODEC, TallyModel()) == {"tally": 0}


async def test_a_refused_row_takes_the_events_back(writer: GroupWriter, tally_store: EventStore) -> None:
    """Rows and events are one: where the row cannot be written nothing is recorded, and the next command is well."""

    class Refusing(TallyModel):
        """Refuses one name."""

        def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
            """Fails in the database."""
            bad = [Insertion("INSERT INTO tally SELECT 'bad', 1 / %b::int, 0", [0])]
            return [*super().insertions(recorded), *(bad if any(each.event.name == "bad" for each in recorded) else [])]

    writer.inline = [Refusing()]
    with pytest.raises(StoreUnavailable):
        await writer.commit(count(writer.state, "bad"))
    assert await writer.commit(count(writer.state, "good")) == 1
    assert rows(tally_store) == [("good", 1, 1)]


async def test_a_row_that_is_there_is_no_other_writer(writer: GroupWriter, tally_store: EventStore) -> None:
    """A table whose own key refuses a row is at fault itself: nobody looks for another writer, and no event is kept."""
    await writer.commit(count(writer.state, "a"))
    twice = Insertion("INSERT INTO cursors SELECT 'projection:tally', 1, %b::bigint, ''", [0])

    class Twice(TallyModel):
        """Inserts what is there."""

        def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
            """Fails in the database."""
            return [*super().insertions(recorded), twice]

    writer.inline = [Twice()]
    with capture_logs() as logs, pytest.raises(StoreUnavailable):
        await writer.commit(count(writer.state, "a"))
    assert [line["event"] for line in logs] == ["group_failed"]
    assert rows(tally_store) == [("a", 1, 1)]


async def test_events_without_their_rows_end_the_process(tally_store: EventStore) -> None:
    """A release without the table has written meanwhile: nothing is passed over, and a start fills the table first."""
    old = GroupWriter(tally_store, CODEC, Tally(), ManualClock(1_000))
    async with running(old):
        await old.commit(count(old.state, "a"))
    new = GroupWriter(tally_store, CODEC, Tally(), ManualClock(1_000), [TallyModel()])
    new.load()
    run = asyncio.create_task(new.run())
    with pytest.raises(StoreUnavailable):
        await new.commit(count(new.state, "b"))
    with pytest.raises(CursorBehind):
        await asyncio.wait_for(run, 5)
    assert tally_store.head().position == 1
    fill(tally_store, CODEC, TallyModel())
    again = GroupWriter(tally_store, CODEC, Tally(), ManualClock(1_000), [TallyModel()])
    again.load()
    async with running(again):
        await again.commit(count(again.state, "b"))
    assert rows(tally_store) == [("a", 1, 1), ("b", 1, 2)]


@asynccontextmanager
async def running(writer: GroupWriter) -> AsyncIterator[None]:
    """Runs a writer for the block."""
    task = asyncio.create_task(writer.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_swap_under_a_busy_writer(writer: GroupWriter, tally_store: EventStore, migrated: Database) -> None:
    """A refill that holds the table has its cursor too, and can swap: neither waits for the other in a ring."""
    await writer.commit(count(writer.state, "a"))
    with psycopg.connect(migrated.app_conninfo) as other:
        other.execute("SET lock_timeout = '500ms'; LOCK TABLE tally IN SHARE ROW EXCLUSIVE MODE")
        under_way = asyncio.create_task(writer.commit(count(writer.state, "b")))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(other.execute, "SELECT FROM cursors WHERE name = 'projection:tally' FOR UPDATE")
        await asyncio.to_thread(other.execute, "LOCK TABLE tally IN ACCESS EXCLUSIVE MODE")
        other.commit()
    assert await under_way == 1
    assert rows(tally_store) == [("a", 1, 1), ("b", 1, 2)]


async def test_refills_under_a_busy_writer(writer: GroupWriter, tally_store: EventStore) -> None:
    """The table is filled anew and swapped again and again while it is written: nobody fails, no row is lost."""
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            await writer.commit(count(writer.state, "a"))
            written += 1

    busy = asyncio.create_task(write())
    with capture_logs() as logs:
        for _ in range(5):
            await asyncio.to_thread(refill, tally_store, CODEC, TallyModel())
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)
    await writer.commit(lambda unit: None)  # what was under way is committed too
    assert written > 0
    assert {line["event"] for line in logs} == {"refilled"}
    assert [position for _, _, position in rows(tally_store)] == list(range(1, tally_store.head().position + 1))
