"""What one clock says is not recorded: a writer whose clock is wrong, and a history that is ahead of both clocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from ringfence_kernel.service import Service, main
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.service.two_clocks import ClockWatch
from ringfence_kernel.store import EventStore, NewEvent, Timing, apply_migrations
from ringfence_kernel.store.refusals import CLOCK_WRONG, HISTORY_AHEAD
from ringfence_kernel.store.two_clocks import HistoryNotAhead, accept_history
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS, Clock, SystemClock
from ringfence_kernel.values.errors import ClockWrong, HistoryAhead
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_local_stack.processes.ways import Way
from ringfence_local_stack.servers.database import Database

from ..rpc_world import OffsetClock
from ..tally import CODEC, MIGRATION, STREAM, Counted, Tally, TallyModel, count

HOUR_NS = 3_600 * NANOSECONDS
NEAR_NS = 60 * NANOSECONDS
"""How near is near, on a slow machine."""


@pytest.fixture
def strict_store(migrated: Database) -> Iterator[EventStore]:
    """An event store as a service has it, which compares clocks."""
    opened = EventStore(migrated.app_conninfo, settle_seconds=15)
    yield opened
    opened.close()


@pytest.fixture
async def strict(strict_store: EventStore) -> AsyncIterator[GroupWriter]:
    """A running writer whose clock can be moved."""
    made = GroupWriter(strict_store, CODEC, Tally(), OffsetClock())
    made.load()
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def moved(writer: GroupWriter, nanoseconds: int) -> None:
    """Moves the writer's clock away from the true time."""
    assert isinstance(writer.clock, OffsetClock)
    writer.clock.offset_ns = nanoseconds


def looking(writer: GroupWriter) -> Callable[[Unit], dict[str, int]]:
    """Returns a command that answers the counters."""
    state = writer.state
    assert isinstance(state, Tally)
    return lambda unit: dict(state.counters)


async def problem(writer: GroupWriter) -> str | None:
    """Returns what health says of the clocks."""
    watch = ClockWatch(writer)
    await watch.ask()
    return await watch.problem()


def recorded(store: EventStore) -> list[Recorded]:
    """All events."""
    return list(store.replay(CODEC))


@pytest.mark.parametrize("off_ns", [HOUR_NS, -HOUR_NS, 3 * NANOSECONDS, -3 * NANOSECONDS])
async def test_what_one_clock_says_is_not_recorded(strict: GroupWriter, strict_store: EventStore, off_ns: int) -> None:
    """Nothing is written or kept in memory while the clock is wrong, and it goes on by itself when the clock is right.

    What is recorded then has the right time, and follows what was recorded before.
    """
    assert await strict.commit(count(strict.state, "a")) == 1
    moved(strict, off_ns)
    for _ in range(2):
        with pytest.raises(ClockWrong):
            await strict.commit(count(strict.state, "a"))
    assert strict.state.counters == {"a": 1}
    assert strict_store.head().position == 1
    moved(strict, 0)
    assert await strict.commit(count(strict.state, "a")) == 2
    first, second = recorded(strict_store)
    assert first.recorded_at_ns < second.recorded_at_ns
    assert abs(second.recorded_at_ns - SystemClock().now_ns()) < NEAR_NS


async def test_a_wrong_clock_that_was_only_read_leaves_no_trace(strict: GroupWriter, strict_store: EventStore) -> None:
    """Commands that record nothing while the clock is ahead do not date what comes after them."""
    moved(strict, HOUR_NS)
    await strict.commit(lambda unit: None)
    moved(strict, 0)
    assert await strict.commit(count(strict.state, "a")) == 1
    assert abs(recorded(strict_store)[0].recorded_at_ns - SystemClock().now_ns()) < NEAR_NS


async def test_a_clock_that_is_set_right_while_a_group_is_decided(
    strict: GroupWriter, strict_store: EventStore
) -> None:
    """A group that was decided by a wrong clock is not written by a right one; it is no history that is ahead."""

    def decide(unit: Unit) -> None:
        moved(strict, 0)
        unit.record(STREAM, Counted("a", 1))

    moved(strict, HOUR_NS)
    with pytest.raises(ClockWrong):
        await strict.commit(decide)
    assert strict_store.head().position == 0


async def test_rows_that_are_written_with_events_are_not_either(migrated: Database, strict_store: EventStore) -> None:
    """The joint statement refuses as well, and leaves no row behind."""
    apply_migrations(migrated.owner_conninfo, migrated.app_role, [MIGRATION])
    writer = GroupWriter(strict_store, CODEC, Tally(), OffsetClock(), [TallyModel()])
    task = asyncio.create_task(writer.run())
    await writer.commit(count(writer.state, "a"))
    moved(writer, HOUR_NS)
    with pytest.raises(ClockWrong):
        await writer.commit(count(writer.state, "a"))
    with strict_store.connection() as connection:
        assert connection.execute("SELECT count(*) AS rows FROM tally").fetchone() == {"rows": 1}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_the_database_itself_refuses(migrated: Database) -> None:
    """Whoever holds the service's role cannot leave out the time, have another, or let clocks differ."""
    append = "SELECT * FROM append_events(0, %s, %s, '{}'::uuid[], '{}'::bigint[], '{}'::text[], '{}'::bytea[])"
    now = SystemClock().now_ns()
    with psycopg.connect(migrated.app_conninfo, autocommit=True) as connection:
        for sent, newest, sqlstate in (
            (None, now, CLOCK_WRONG),
            (now, None, HISTORY_AHEAD),
            (0, 0, CLOCK_WRONG),
            (now + DAY_NS, now, CLOCK_WRONG),
            (now, now + DAY_NS, HISTORY_AHEAD),
        ):
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(append, [sent, newest])
            assert refused.value.sqlstate == sqlstate
        connection.execute(append, [SystemClock().now_ns(), 0])
        for statement in (
            "UPDATE feed_head SET tolerance_ns = 9223372036854775807",
            "UPDATE feed_head SET accepted_ns = 9223372036854775807",
            "SELECT accept_history(0, 0, 9223372036854775807, 'me', 'because')",
            "INSERT INTO accepted_histories VALUES (1, 1, 1, 'me', 'because')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


async def test_waiting_for_the_database_is_not_a_wrong_clock(strict: GroupWriter, migrated: Database) -> None:
    """A group that waits behind another writer for longer than clocks may differ is committed when its turn comes."""
    with psycopg.connect(migrated.owner_conninfo) as other:
        other.execute("SELECT FROM feed_head FOR UPDATE")
        waiting = asyncio.create_task(strict.commit(count(strict.state, "a")))
        await asyncio.sleep(3)
        assert not waiting.done()
    assert await asyncio.wait_for(waiting, 10) == 1


async def test_what_was_held_up_on_its_way_is_sent_again(migrated: Database, strict_store: EventStore) -> None:
    """A statement that arrives too late is not taken for one of a wrong clock: it is sent anew and committed."""
    async with Way(migrated.port).open() as way:
        store = EventStore(make_conninfo(migrated.app_conninfo, port=way.port), settle_seconds=20)
        writer = GroupWriter(store, CODEC, Tally(), SystemClock())
        task = asyncio.create_task(writer.run())
        await writer.commit(count(writer.state, "a"))
        way.cut()
        waiting = asyncio.create_task(writer.commit(count(writer.state, "a")))
        await asyncio.sleep(2.5)
        way.mend()
        assert await asyncio.wait_for(waiting, 15) == 2
        assert [each.version for each in recorded(strict_store)] == [1, 2]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        store.close()


def dated(store: EventStore, migrated: Database, recorded_at_ns: int) -> None:
    """Appends an event of any time, as a store had it before its clocks were compared."""
    set_tolerance = "UPDATE feed_head SET tolerance_ns = %s"
    topic, state = CODEC.encode(Counted("a", 1), recorded_at_ns)
    with psycopg.connect(migrated.owner_conninfo, autocommit=True) as owner:
        owner.execute(set_tolerance, [2**62])
        store.append(0, [NewEvent(STREAM, 1, topic, state)], timing=Timing(SystemClock(), recorded_at_ns))
        owner.execute(set_tolerance, [2 * NANOSECONDS])


async def test_a_history_ahead_of_both_clocks_stops_the_writing(migrated: Database, strict_store: EventStore) -> None:
    """Nothing is added to it, also after a restart, until the owner accepts it; reads go on.

    From then on events follow it by the least step, and decisions go by the clock: nothing is due too early.
    """
    ahead_ns = SystemClock().now_ns() + 30 * DAY_NS
    dated(strict_store, migrated, ahead_ns)
    for _ in range(2):
        writer = GroupWriter(strict_store, CODEC, Tally(), SystemClock())
        writer.load()
        task = asyncio.create_task(writer.run())
        with pytest.raises(HistoryAhead):
            await writer.commit(count(writer.state, "a"))
        assert await writer.commit(looking(writer)) == {"a": 1}
        assert await problem(writer) == "HISTORY_AHEAD"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(HistoryNotAhead):
        accept_history(migrated.owner_conninfo, 2, "the duty officer", "incident 7")
    accepted = accept_history(migrated.owner_conninfo, 1, "the duty officer", "incident 7")
    assert accepted.ahead_seconds == pytest.approx(30 * 86_400, abs=60)
    writer = GroupWriter(strict_store, CODEC, Tally(), SystemClock())
    writer.load()
    task = asyncio.create_task(writer.run())
    decided = await writer.commit(lambda unit: (unit.record(STREAM, Counted("a", 1)), unit.now_ns))
    assert abs(decided[1] - SystemClock().now_ns()) < NEAR_NS
    await writer.commit(count(writer.state, "a"))
    assert await problem(writer) is None
    assert [each.recorded_at_ns - ahead_ns for each in recorded(strict_store)] == [0, 1, 2]
    with strict_store.connection() as connection:
        row = connection.execute("SELECT position, accepted_by, reason FROM accepted_histories").fetchone()
    assert row == {"position": 1, "accepted_by": "the duty officer", "reason": "incident 7"}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_accepted_history_lets_no_wrong_clock_in(migrated: Database, strict_store: EventStore) -> None:
    """The clocks must agree all the same; and a history that is not ahead is not accepted."""
    dated(strict_store, migrated, SystemClock().now_ns() + HOUR_NS)
    accept_history(migrated.owner_conninfo, 1, "the duty officer", "incident 7")
    writer = GroupWriter(strict_store, CODEC, Tally(), OffsetClock())
    writer.load()
    moved(writer, HOUR_NS)
    task = asyncio.create_task(writer.run())
    with pytest.raises(ClockWrong):
        await writer.commit(count(writer.state, "a"))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_history_that_is_not_ahead_is_not_accepted(migrated: Database, strict_store: EventStore) -> None:
    """There is nothing to accept, and nothing is recorded."""
    dated(strict_store, migrated, SystemClock().now_ns())
    with pytest.raises(HistoryNotAhead):
        accept_history(migrated.owner_conninfo, 1, "the duty officer", "incident 7")
    with strict_store.connection() as connection:
        assert connection.execute("SELECT FROM accepted_histories").fetchone() is None


@pytest.mark.parametrize(("off_ns", "told"), [(HOUR_NS, "CLOCK_WRONG"), (-HOUR_NS, "CLOCK_WRONG"), (0, None)])
async def test_health_compares_the_clocks(strict_store: EventStore, off_ns: int, told: str | None) -> None:
    """The check says so while they differ, in either direction."""
    clock: Clock = OffsetClock()
    writer = GroupWriter(strict_store, CODEC, Tally(), clock)
    moved(writer, off_ns)
    assert await problem(writer) == told


def accept(*arguments: str) -> int:
    """Runs the operator's command; returns its exit code."""
    service: Service[Settings] = Service(
        name="custody",
        settings=Settings,
        assemble=None,  # type: ignore[arg-type]
        migrations=list,
        rebuild=None,  # type: ignore[arg-type]
    )
    return main(service, ["accept-history", *arguments, "--by", "Ada and Bob", "--reason", "incident 7"])


def test_the_operators_command(
    migrated: Database,
    strict_store: EventStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the owner it accepts the very history that is named, once, and logs who and why; it refuses any other."""
    for name, value in {
        **migrated.environment(),
        **migrated.owner_environment(),
        "RINGFENCE_SERVICE": "custody",
    }.items():
        monkeypatch.setenv(name, value)
    assert accept("--position", "1") == 1
    dated(strict_store, migrated, SystemClock().now_ns() + HOUR_NS)
    assert accept("--position", "2") == 1
    assert "not accepted" in capsys.readouterr().err
    assert accept("--position", "1") == 0
    shown = capsys.readouterr()
    assert '"position": 1' in shown.out
    assert all(word in shown.err for word in ("history_accepted", "Ada and Bob", "incident 7"))
    assert accept("--position", "1") == 1
