"""Read models filled anew beside a running service: readers see a whole truth at every moment."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from ringfence_kernel.projecting import refilling
from ringfence_kernel.projecting.projector import Projector, rebuild_and_compare
from ringfence_kernel.projecting.refilling import ReadersInTheWay, RebuildUnderWay, refill
from ringfence_kernel.store import EventStore, apply_migrations, load_cursor
from ringfence_kernel.values.recorded import Recorded
from ringfence_local_stack.servers.database import Database

from .tally import CODEC, MIGRATION, TallyModel, fill

SHAPE = """
SELECT indexdef AS part FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'tally'
UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public.tally'::regclass
UNION ALL SELECT grantee || privilege_type FROM information_schema.role_table_grants WHERE table_name = 'tally'
ORDER BY 1
"""

PARTITIONS = """
SELECT relname, pg_get_expr(relpartbound, pg_class.oid), attstorage FROM pg_inherits JOIN pg_class ON oid = inhrelid
JOIN pg_attribute ON attrelid = oid WHERE inhparent = 'public.tally'::regclass AND attname = 'name' ORDER BY relname
"""


@pytest.fixture
def owner(migrated: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the owner to a database with a read model that has keys and indexes."""
    apply_migrations(migrated.owner_conninfo, migrated.app_role, [MIGRATION])
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        connection.execute("ALTER TABLE tally ADD CONSTRAINT one_row UNIQUE (position)")
        connection.execute("CREATE INDEX tally_by_name ON tally (name, position) WHERE total > 0")
        yield connection


def project(store: EventStore) -> None:
    """Brings the live read model up to date."""
    projector = Projector(store, CODEC, TallyModel())
    while projector.step():
        pass


def rows(owner: psycopg.Connection[Any]) -> tuple[int, int]:
    """Returns how many rows there are, and the last position among them."""
    found: tuple[int, int] = owner.execute("SELECT count(*), coalesce(max(position), 0) FROM tally").fetchone()  # type: ignore[assignment]
    return found


def test_damage_is_gone_and_the_table_is_the_same(store: EventStore, owner: psycopg.Connection[Any]) -> None:
    """A refill mends the rows, and leaves indexes, constraints and rights as they were, under their names."""
    fill(store, 30)
    project(store)
    owner.execute("UPDATE tally SET total = 2 WHERE position = 7; DELETE FROM tally WHERE position > 20")
    before = owner.execute(SHAPE).fetchall()
    refill(store, CODEC, TallyModel())
    assert rebuild_and_compare(store, CODEC, TallyModel()) == {"tally": 0}
    assert owner.execute(SHAPE).fetchall() == before
    fill(store, 5)
    project(store)
    assert rows(owner) == (35, 35)


def test_what_is_partitioned_stays_so(store: EventStore, owner: psycopg.Connection[Any], migrated: Database) -> None:
    """A refilled table has the partitions that the live one had, with its keys, how columns are stored and rights."""
    owner.execute("DROP TABLE tally")
    owner.execute(
        "CREATE TABLE tally (name text NOT NULL, total bigint, position bigint, PRIMARY KEY (name, position))"
        " PARTITION BY LIST (name)"
    )
    owner.execute("CREATE INDEX tally_by_total ON tally (total)")
    for table, bound in (("tally_a", "FOR VALUES IN ('a')"), ("tally_others", "DEFAULT")):
        owner.execute(f"CREATE TABLE {table} PARTITION OF tally {bound}".encode())
    owner.execute("ALTER TABLE tally ALTER COLUMN name SET STORAGE EXTERNAL")
    owner.execute(f"GRANT SELECT, INSERT, DELETE ON tally TO {migrated.app_role}".encode())
    fill(store, 20)
    project(store)
    before = owner.execute(PARTITIONS).fetchall(), owner.execute(SHAPE).fetchall()
    for _ in range(2):
        refill(store, CODEC, TallyModel())
        assert (owner.execute(PARTITIONS).fetchall(), owner.execute(SHAPE).fetchall()) == before
        assert rebuild_and_compare(store, CODEC, TallyModel()) == {"tally": 0}
    fill(store, 5)
    project(store)
    assert rows(owner) == (25, 25)
    assert owner.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'shadow'::regnamespace").fetchone() == (0,)


def test_a_refill_may_overtake_the_projector(store: EventStore, owner: psycopg.Connection[Any]) -> None:
    """What the live model had not come to yet is there after a refill, and is not projected again."""
    fill(store, 10)
    project(store)
    fill(store, 10)
    refill(store, CODEC, TallyModel())
    assert load_cursor(store, "projection:tally").position == 20
    project(store)
    assert rows(owner) == (20, 20)


def test_readers_see_whole_truths_while_the_service_runs(
    store: EventStore, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside writers, projectors and readers, refills never show a gap and never take a row back."""
    monkeypatch.setattr(refilling, "PAGE_EVENTS", 50)
    fill(store, 500)
    project(store)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            fill(store, 3)
            project(store)

    def read() -> int:
        seen = 0
        while not done.is_set():
            with store.connection() as connection:
                row = connection.execute(
                    "SELECT count(*) AS count, max(position) AS last FROM tally", prepare=True
                ).fetchone()
            assert row is not None
            assert row["count"] == row["last"] >= seen
            seen = row["last"]
        return seen

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(write), pool.submit(read), pool.submit(read)]
        for _ in range(5):
            refill(store, CODEC, TallyModel())
        done.set()
        assert min(task.result() or 500 for task in tasks) >= 500
    project(store)
    assert rebuild_and_compare(store, CODEC, TallyModel()) == {"tally": 0}


class Killed(TallyModel):
    """A read model whose process is killed in the middle."""

    pages = 0

    def project(self, connection: psycopg.Connection[Any], recorded: Sequence[Recorded]) -> None:
        """Writes the first page; dies in the second."""
        super().project(connection, recorded)
        self.pages += 1
        if self.pages > 1:
            os.kill(os.getpid(), signal.SIGKILL)


def _refill_and_die(conninfo: str) -> None:
    refilling.PAGE_EVENTS = 50
    refill(EventStore(conninfo), CODEC, Killed())


def test_a_killed_refill_leaves_nothing_and_can_be_started_again(
    store: EventStore, owner: psycopg.Connection[Any], migrated: Database
) -> None:
    """After a kill in the middle the live table is what it was, and the next refill begins anew."""
    fill(store, 200)
    project(store)
    process = multiprocessing.get_context("spawn").Process(target=_refill_and_die, args=(migrated.app_conninfo,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert rows(owner) == (200, 200)
    assert owner.execute("SELECT count(*) FROM shadow.tally").fetchone() == (50,)
    fill(store, 20)
    project(store)
    refill(store, CODEC, TallyModel())
    assert rebuild_and_compare(store, CODEC, TallyModel()) == {"tally": 0}
    assert owner.execute("SELECT to_regclass('shadow.tally')").fetchone() == (None,)


class Nested(TallyModel):
    """A read model that finds out whether a second refill may run beside it."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    def project(self, connection: psycopg.Connection[Any], recorded: Sequence[Recorded]) -> None:
        """Tries."""
        with pytest.raises(RebuildUnderWay):
            refill(self.store, CODEC, TallyModel())
        super().project(connection, recorded)


def test_one_refill_at_a_time(store: EventStore, owner: psycopg.Connection[Any]) -> None:
    """A second refill of the same read model is refused, and the first is not disturbed."""
    fill(store, 10)
    refill(store, CODEC, Nested(store))
    assert rows(owner) == (10, 10)


def test_only_read_models_can_be_swapped(store: EventStore, owner: psycopg.Connection[Any]) -> None:
    """The service cannot have a table replaced that it may not empty: the events above all."""
    for function in ("open_shadow", "swap_shadow"):
        for table in ("stored_events", "cursors", "feed_head"):
            with store.connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT {function}(%s)".encode(), ([table],))


def test_the_swap_waits_for_readers_and_gives_up_in_the_end(
    store: EventStore, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that never lets go of the live table makes the refill fail; the table is untouched."""
    monkeypatch.setattr(refilling, "SWAP_ATTEMPTS", 2)
    monkeypatch.setattr(refilling, "LOCK_SECONDS", 1)
    fill(store, 10)
    project(store)
    with owner.transaction():
        owner.execute("SELECT * FROM tally")
        with pytest.raises(ReadersInTheWay):
            refill(store, CODEC, TallyModel())
    assert rows(owner) == (10, 10)
    refill(store, CODEC, TallyModel())
    assert rows(owner) == (10, 10)
