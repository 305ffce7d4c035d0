"""The event store on real PostgreSQL."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import uuid
from typing import Any

import psycopg
import pytest
from ringfence_kernel.store import (
    GENESIS,
    ChainBroken,
    ChainedRecorder,
    EventStore,
    Head,
    NewEvent,
    VersionConflict,
    apply_migrations,
    chain_hash,
    event_store_migrations,
    load_cursor,
    save_cursor,
)
from ringfence_kernel.store.recorder import READING_CONNECTIONS
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.ids import new_id
from ringfence_local_stack.processes.ways import Ways
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.postgres import PostgresServer
from structlog.testing import capture_logs

LONGEST_HELD_SECONDS = 20.0
"""What an idle session may hold is free after 5 s; the rest is for a loaded machine."""


def events(count: int, stream: bytes = b"s" * 16, first_version: int = 1) -> list[NewEvent]:
    """Returns events of one stream."""
    return [NewEvent(stream, first_version + n, "Happened.v1", b"state %d" % n) for n in range(count)]


def test_positions_are_gapless_and_chained(store: EventStore) -> None:
    """Positions count 1, 2, 3 and every hash continues the one before by the published formula."""
    head = store.append(0, events(3))
    stored = store.read(0, 10)
    previous = GENESIS
    for n, event in enumerate(stored, start=1):
        previous = chain_hash(previous, n, event.stream, event.version, event.topic, event.state)
        assert (event.position, event.hash) == (n, previous)
    assert head == Head(1, 3, previous) == store.head() == store.verify_chain()


def test_refused_append_leaves_no_gap(store: EventStore) -> None:
    """A version that exists already is a conflict, rolls everything back, and the next position follows on."""
    store.append(0, events(2))
    with pytest.raises(VersionConflict):
        store.append(2, [*events(1, b"t" * 16), *events(1)])
    assert store.append(2, events(1, b"u" * 16)).position == 3
    assert [event.position for event in store.read(0, 10)] == [1, 2, 3]


def test_writer_with_a_stale_position_is_refused(store: EventStore) -> None:
    """Whoever does not know the head cannot append, even to another stream."""
    store.append(0, events(1))
    with pytest.raises(VersionConflict):
        store.append(0, events(1, b"t" * 16))


def test_nobody_leaves_out_where_the_feed_stands_or_a_version(store: EventStore, migrated: Database) -> None:
    """What the service's role may call refuses it by itself, whoever holds that role; nothing is written."""
    store.append(0, events(2))
    append = "SELECT * FROM append_events(%s, 0, 0, %s::uuid[], %s::bigint[], %s::text[], %s::bytea[])"
    stream, fresh = uuid.UUID(bytes=b"s" * 16), uuid.uuid4()
    with psycopg.connect(migrated.app_conninfo, autocommit=True) as connection:
        for position, of, versions in (
            (None, fresh, [1]),
            (2, stream, [4]),
            (2, fresh, [2]),
            (2, fresh, [1, 3]),
            (2, fresh, [0]),
            (2, stream, [None]),
        ):
            count = len(versions)
            with pytest.raises(psycopg.Error):
                connection.execute(append, [position, [of] * count, versions, ["X.v1"] * count, [b"x"] * count])
    assert store.append(2, events(1, first_version=3)).position == 3
    assert store.verify_chain() == store.head()


@pytest.mark.parametrize("state_bytes", [10, 2_000_000])
def test_append_whose_answer_was_lost_is_recognised(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, state_bytes: int
) -> None:
    """When the connection is lost between commit and answer, the append answers the head that it had reached.

    So it does where its events do not fit into one page.
    """
    commit, tries = ChainedRecorder.append, []

    def lossy(self: ChainedRecorder, *arguments: Any) -> Any:
        tries.append(arguments)
        answer = commit(self, *arguments)
        if len(tries) == 1:
            raise psycopg.OperationalError("the connection is lost")
        return answer

    monkeypatch.setattr(ChainedRecorder, "append", lossy)
    group = [NewEvent(b"s" * 16, version, "Big.v1", bytes(state_bytes)) for version in (1, 2)]
    assert store.append(0, group) == store.head()
    assert (store.head().position, len(tries)) == (2, 2)


def test_equal_events_of_another_writer_are_not_ones_own(store: EventStore) -> None:
    """An append that was never in doubt is refused even when the event at its place is the same to the last byte."""
    store.append(0, events(1))
    with pytest.raises(VersionConflict):
        store.append(0, events(1))


def test_readers_cannot_keep_the_writer_waiting(store: EventStore) -> None:
    """With every pooled connection lent out, an append still commits at once."""
    with contextlib.ExitStack() as lent, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for _ in range(READING_CONNECTIONS):
            lent.enter_context(store.connection())
        assert pool.submit(store.append, 0, events(1)).result(timeout=3).position == 1


def test_lock_that_nobody_releases_is_named(migrated: Database) -> None:
    """A transaction that holds the head for good makes an append STORE_UNAVAILABLE, never a hang."""
    blocked = EventStore(migrated.app_conninfo, settle_seconds=0)
    with psycopg.connect(migrated.owner_conninfo) as holder, concurrent.futures.ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT * FROM feed_head FOR UPDATE")
        appending = pool.submit(blocked.append, 0, events(1))
        try:
            with pytest.raises(StoreUnavailable):
                appending.result(timeout=10)
        finally:
            holder.rollback()
    blocked.close()


def test_writer_cut_off_in_the_middle_holds_up_the_next_for_seconds(migrated: Database, store: EventStore) -> None:
    """What it has locked is free again soon, although nobody has told the server that it is gone."""
    with Ways() as ways, concurrent.futures.ThreadPoolExecutor(1) as thread:
        port = ways.to("postgres", migrated.port).rpartition(":")[2]
        vanishing = EventStore(psycopg.conninfo.make_conninfo(migrated.app_conninfo, port=port), settle_seconds=0)
        is_cut = threading.Event()

        def within(connection: Any) -> None:
            ways.cut("postgres")
            is_cut.set()
            connection.execute("SELECT 1")

        appending = thread.submit(vanishing.append, 0, events(1), [within])
        assert is_cut.wait(60)
        started = time.monotonic()
        try:
            assert store.append(0, events(1, b"t" * 16)).position == 1
            assert time.monotonic() - started < LONGEST_HELD_SECONDS
        finally:
            vanishing.abandon()
        with pytest.raises(StoreUnavailable):
            appending.result(60)
        vanishing.close()


def test_store_that_is_closed_waits_for_nothing(migrated: Database) -> None:
    """An append that the database does not answer ends with its store; what comes of it is for others to read."""
    store = EventStore(migrated.app_conninfo)
    with psycopg.connect(migrated.owner_conninfo) as holder, concurrent.futures.ThreadPoolExecutor(1) as thread:
        holder.execute("SELECT * FROM feed_head FOR UPDATE")
        appending = thread.submit(store.append, 0, events(1))
        time.sleep(0.3)
        store.close()
        with pytest.raises(StoreUnavailable):
            appending.result(2)
        holder.rollback()


def test_refused_statement_within_is_no_conflict(store: EventStore) -> None:
    """A statement that breaks a constraint of its own rolls the events back and is reported as what it is."""

    def twice(connection: psycopg.Connection[Any]) -> None:
        for _ in range(2):
            connection.execute("INSERT INTO state_digests VALUES (1, 'x')")

    with pytest.raises(psycopg.errors.UniqueViolation):
        store.append(0, events(1), [twice])
    assert store.append(0, events(1)).position == 1


def test_every_connection_parameter_counts(migrated: Database) -> None:
    """What the database's URL asks for is kept: here TLS, which this server does not have, on both kinds of use."""
    strict = EventStore(psycopg.conninfo.make_conninfo(migrated.app_conninfo, sslmode="require"), settle_seconds=0)
    with pytest.raises(StoreUnavailable):
        strict.append(0, events(1))
    with pytest.raises(StoreUnavailable):
        strict.head()
    strict.close()


def test_readers_are_back_soon_after_a_long_absence(store: EventStore, postgres_server: PostgresServer) -> None:
    """The time that a database was away is not added again by growing pauses between attempts."""
    store.head()
    with postgres_server.down():
        away_until = time.monotonic() + 8
        while time.monotonic() < away_until:
            with pytest.raises(StoreUnavailable):
                store.head()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(store.head).result(timeout=4).position == 0


def test_concurrent_writers_never_interleave(store: EventStore) -> None:
    """Of writers that race for a position exactly one wins each time."""

    def race(worker: int) -> int:
        won = 0
        for _ in range(30):
            at = store.head().position
            try:
                store.append(at, events(2, new_id()))
                won += 1
            except VersionConflict:
                pass
        return won

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        won = sum(pool.map(race, range(4)))
    assert store.verify_chain().position == 2 * won
    assert won >= 30


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET topic = 'x'",
        "DELETE FROM stored_events",
        "TRUNCATE stored_events",
        "INSERT INTO stored_events VALUES (9, gen_random_uuid(), 1, 'x', '', '')",
        "UPDATE feed_head SET position = 0",
        "SELECT open_epoch(1, 'order')",
        "DROP TABLE stored_events",
        "CREATE TABLE public.mine (x int)",
        "ALTER TABLE stored_events DISABLE TRIGGER ALL",
    ],
)
def test_application_role_can_only_append(store: EventStore, migrated: Database, statement: str) -> None:
    """The service's role is refused everything but appending."""
    store.append(0, events(1))
    with (
        psycopg.connect(migrated.app_conninfo, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE stored_events SET state = set_byte(state, 0, get_byte(state, 0) # 1) WHERE notification_id = 2",
        "UPDATE stored_events SET originator_version = 7 WHERE notification_id = 2",
        "UPDATE stored_events SET topic = 'Happened.v2' WHERE notification_id = 2",
        "UPDATE stored_events SET chain_hash = sha256('x') WHERE notification_id = 2",
        "DELETE FROM stored_events WHERE notification_id = 2",
    ],
)
def test_one_changed_bit_breaks_the_chain_at_its_position(store: EventStore, migrated: Database, damage: str) -> None:
    """A change made behind the store's back is found, and named by position."""
    store.append(0, events(3))
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        connection.execute(damage.encode())
    with pytest.raises(ChainBroken) as broken:
        store.verify_chain()
    assert broken.value.position == 2


def test_cut_off_tail_breaks_the_chain(store: EventStore, migrated: Database) -> None:
    """Events missing at the end are found by the head."""
    store.append(0, events(3))
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        connection.execute("DELETE FROM stored_events WHERE notification_id = 3")
    with pytest.raises(ChainBroken):
        store.verify_chain()


def test_cursor_is_stored_with_the_events_or_not_at_all(store: EventStore) -> None:
    """What a follower commits and its cursor share one transaction."""
    cursor = Head(1, 5, b"h" * 32)
    store.append(0, events(1), [lambda connection: save_cursor(connection, "follower:x", cursor)])
    assert load_cursor(store, "follower:x") == cursor
    with pytest.raises(VersionConflict):
        store.append(0, events(2), [lambda c: save_cursor(c, "follower:x", Head(1, 9, b""))])
    assert load_cursor(store, "follower:x") == cursor
    store.append(1, [], [lambda c: save_cursor(c, "follower:x", Head(1, 6, b"i" * 32))])
    assert load_cursor(store, "follower:x").position == 6


def test_large_states_are_paged_by_bytes(store: EventStore) -> None:
    """A page is cut before it passes its bound, but never empty."""
    store.append(0, [NewEvent(b"s" * 16, n, "Big.v1", bytes(2_000_000)) for n in (1, 2, 3)])
    assert [len(store.read(after, 10)) for after in (0, 1, 2, 3)] == [1, 1, 1, 0]


def test_append_survives_a_killed_server(store: EventStore, postgres_server: PostgresServer) -> None:
    """An append during kill -9 and restart of PostgreSQL commits exactly once."""
    store.append(0, events(1))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with postgres_server.down():
            appended = pool.submit(store.append, 1, events(2, b"t" * 16))
        assert appended.result().position == 3
    assert store.verify_chain().position == 3


def test_absent_server_is_named(migrated: Database) -> None:
    """A database that is not there is STORE_UNAVAILABLE, not a crash."""
    lost = psycopg.conninfo.make_conninfo(migrated.app_conninfo, port=1)
    store = EventStore(lost, settle_seconds=0)
    with pytest.raises(StoreUnavailable):
        store.append(0, events(1))
    store.close()


def test_migrations_apply_once(migrated: Database) -> None:
    """Migrating again changes nothing."""
    assert apply_migrations(migrated.owner_conninfo, migrated.app_role, event_store_migrations()) == []


def test_new_epoch_names_the_fork_and_the_order(migrated: Database, store: EventStore) -> None:
    """Only the owner opens an epoch, at the head, under an order."""
    store.append(0, events(2))
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("SELECT open_epoch(1, 'restore 7')")
        connection.execute("SELECT open_epoch(2, 'restore 7')")
    assert store.head().epoch == 2


def test_a_database_without_room_is_named_at_once(migrated: Database, store: EventStore) -> None:
    """What the server refuses for want of disk is not pursued as a lost connection is, and nothing is written."""
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END$$"
        )
        owner.execute("CREATE TRIGGER full_disk BEFORE INSERT ON stored_events EXECUTE FUNCTION full_disk()")
        with capture_logs() as told, pytest.raises(StoreUnavailable, match="no room"):
            store.append(0, events(1))
        assert [each["event"] for each in told] == ["store_without_room"]
        owner.execute("DROP TRIGGER full_disk ON stored_events")
    assert store.append(0, events(1)).position == 1
