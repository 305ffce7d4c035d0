"""Group commit on real PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg
import pytest
from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.service.event_sourced import save_digest
from ringfence_kernel.service.rebuilding import replay_into
from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.store.codec import open_envelope
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.errors import Overloaded, StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing import progress
from ringfence_kernel.writing.deciding import Together
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.refusals import EventTooLarge, StateBroken
from ringfence_kernel.writing.writer import MAX_STATE_BYTES, GroupWriter, Unit
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.postgres import PostgresServer

from ..tally import CODEC, STREAM, Counted, Tally, TooMuch, count


async def test_concurrent_commands_share_a_commit_and_keep_their_order(writer: GroupWriter, store: EventStore) -> None:
    """A hundred callers get a hundred different answers, in few commits, and every event is stored."""
    groups: list[int] = []
    writer.subscribe(lambda recorded: groups.append(len(recorded)))
    answers = await asyncio.gather(*(writer.commit(count(writer.state, "a")) for _ in range(100)))
    assert answers == list(range(1, 101))
    assert store.head().position == sum(groups) == 100
    assert len(groups) < 10


async def test_the_hash_of_an_event_is_no_guess(writer: GroupWriter, store: EventStore) -> None:
    """Events recorded outside a trace differ in bytes that nobody can guess, so that their hashes tell nothing."""
    for _ in range(2):
        await writer.commit(count(writer.state, "a"))
    envelopes = [open_envelope(each.state) for each in store.read(0, 10)]
    assert len({each.traceparent for each in envelopes}) == 2
    assert all(each.traceparent.startswith("ff-") for each in envelopes)


async def test_refused_command_leaves_no_trace(writer: GroupWriter, store: EventStore) -> None:
    """In a group, a command that refuses after it has changed the state is taken back; its neighbours stand."""
    answers = await asyncio.gather(
        writer.commit(count(writer.state, "a")),
        writer.commit(count(writer.state, "a", by=50, limit=10)),
        writer.commit(count(writer.state, "a")),
        return_exceptions=True,
    )
    assert isinstance(answers[1], TooMuch)
    assert [answers[0], answers[2]] == [1, 2]
    assert [e.version for e in store.read(0, 10)] == [1, 2]


async def test_neighbours_of_one_key_are_decided_in_one_go(writer: GroupWriter, store: EventStore) -> None:
    """Commands that are decided together get each its own reply, in order, and never overtake another command."""
    runs: list[list[int]] = []

    def add(unit: Unit, amounts: list[int]) -> list[int]:
        runs.append(amounts)
        return [count(writer.state, "a", by=amount)(unit) for amount in amounts]

    def together(amount: int) -> Together[int, int]:
        return Together("adding", amount, add)

    answers = await asyncio.gather(
        writer.commit(together(1)),
        writer.commit(together(2)),
        writer.commit(count(writer.state, "a", by=10)),
        writer.commit(together(3)),
    )
    assert answers == [1, 3, 13, 16]
    assert runs == [[1, 2], [3]]


async def test_event_times_always_grow(writer: GroupWriter, store: EventStore) -> None:
    """With a clock that stands still, every event still has a later time than the one before."""
    for _ in range(3):
        await writer.commit(count(writer.state, "a"))
    times = [recorded.recorded_at_ns for recorded in store.replay(CODEC)]
    assert times == sorted(set(times))


async def test_two_writers_cannot_both_win(writer: GroupWriter, store: EventStore) -> None:
    """Two writers on one store, both believing they lead, add up exactly: the loser catches up and decides again."""
    other = GroupWriter(store, CODEC, Tally(), ManualClock(0))
    other.load()
    task = asyncio.create_task(other.run())
    commands = [w.commit(count(w.state, "a")) for _ in range(40) for w in (writer, other)]
    answers = await asyncio.gather(*commands)
    task.cancel()
    assert sorted(answers) == list(range(1, 81))
    fresh = GroupWriter(store, CODEC, Tally(), ManualClock(0))
    assert fresh.load() == 80
    assert fresh.state.counters == {"a": 80}


async def test_killed_database_loses_and_doubles_nothing(
    writer: GroupWriter, store: EventStore, postgres_server: PostgresServer
) -> None:
    """kill -9 of PostgreSQL under load: every answered count is stored exactly once, and the writer recovers."""

    async def client(name: str) -> int:
        done = 0
        for _ in range(60):
            done = await writer.commit(count(writer.state, name))
        return done

    clients = asyncio.gather(*(client(f"c{n}") for n in range(8)))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(postgres_server.kill)
    await asyncio.to_thread(postgres_server.start)
    assert await clients == [60] * 8
    fresh = GroupWriter(store, CODEC, Tally(), ManualClock(0))
    fresh.load()
    assert fresh.state.counters == {f"c{n}": 60 for n in range(8)}
    assert fresh.state.digest() == writer.state.digest()
    assert store.verify_chain().position == 480


async def test_full_queue_is_refused(store: EventStore) -> None:
    """Beyond the bound of the queue a command is refused at once with a retry hint."""
    writer = GroupWriter(store, CODEC, Tally(), ManualClock(0), queue_weight_limit=5)
    waiting = [asyncio.create_task(writer.commit(count(writer.state, "a"))) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await writer.commit(count(writer.state, "a"))
    assert refused.value.retry_after_seconds
    for task in waiting:
        task.cancel()


async def test_what_a_group_shares_is_recorded_once(writer: GroupWriter, store: EventStore) -> None:
    """Commands of one group that close over the same key make one event together."""
    rows: list[int] = []

    def add(row: int):  # type: ignore[no-untyped-def]
        def decide(unit):  # type: ignore[no-untyped-def]
            unit.journal.append(rows, row)
            unit.before_commit("rows", lambda unit: unit.record(b"r" * 16, _counted(rows)))
            return row

        return decide

    await asyncio.gather(*(writer.commit(add(n)) for n in (1, 2, 3)))
    assert [recorded.event.by for recorded in store.replay(CODEC)] == [6]


def _counted(rows: list[int]):  # type: ignore[no-untyped-def]
    return Counted("sum", sum(rows))


async def test_digest_is_kept_for_a_later_rebuild(writer: GroupWriter, store: EventStore) -> None:
    """The digest of the memory is stored at its position."""
    await writer.commit(count(writer.state, "a"))
    await save_digest(writer)
    with store.connection() as connection:
        row = connection.execute("SELECT * FROM state_digests").fetchone()
    assert row == {"position": 1, "digest": writer.state.digest(), "format": 1}


async def test_a_digest_of_another_format_says_nothing(writer: GroupWriter, store: EventStore) -> None:
    """A rebuild compares with the newest digest of its own format, whatever another release has stored since."""
    await writer.commit(count(writer.state, "a"))
    await save_digest(writer)
    with store.connection() as connection:
        connection.execute("INSERT INTO state_digests VALUES (1, 'of another release', 2)")
    assert replay_into(store, CODEC, Tally()) == (1, 0)
    later = Tally()
    later.digest_format = 2
    assert replay_into(store, CODEC, later) == (1, 1)


async def test_refused_command_has_nothing_closed(writer: GroupWriter, store: EventStore) -> None:
    """What a command asked to have recorded at the end of the group is forgotten when it refuses."""

    def decide(unit: Unit) -> None:
        unit.before_commit("sum", lambda unit: unit.record(b"r" * 16, Counted("sum", 1)))
        raise TooMuch

    with pytest.raises(TooMuch):
        await writer.commit(decide)
    await writer.commit(count(writer.state, "a"))
    assert [recorded.event.name for recorded in store.replay(CODEC)] == ["a"]


async def test_failing_closer_takes_the_whole_group_back(writer: GroupWriter, store: EventStore) -> None:
    """When what a group shares cannot be recorded, memory and store are as before and the next group stands."""

    def decide(unit: Unit) -> None:
        unit.record(STREAM, Counted("a", 1))
        unit.before_commit("sum", lambda unit: unit.record(b"r" * 16, 1 / 0))

    with pytest.raises(StoreUnavailable):
        await writer.commit(decide)
    assert await writer.commit(count(writer.state, "a")) == 1
    assert store.head().position == 1


async def test_listener_that_raises_harms_nobody(writer: GroupWriter) -> None:
    """A committed command is answered and the other listeners hear of it, whatever one listener does."""
    heard: list[int] = []
    writer.subscribe(lambda recorded: heard.append(len(recorded) // 0))
    writer.subscribe(lambda recorded: heard.append(len(recorded)))
    assert await writer.commit(count(writer.state, "a")) == 1
    assert heard == [1]


async def test_commits_do_not_wait_for_slow_threads(writer: GroupWriter) -> None:
    """With every thread that reads share taken by something slow, a command is still committed at once."""
    release = threading.Event()
    slow = [asyncio.create_task(asyncio.to_thread(release.wait)) for _ in range(40)]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(3):
            assert await writer.commit(count(writer.state, "a")) == 1
    finally:
        release.set()
        await asyncio.gather(*slow)


async def test_writers_with_stopped_clocks_cannot_both_win(store: EventStore) -> None:
    """Events of two writers that are equal to the last byte are still two facts."""
    writers = [GroupWriter(store, CODEC, Tally(), ManualClock(0)) for _ in range(2)]
    tasks = [asyncio.create_task(each.run()) for each in writers]
    answers = await asyncio.gather(*(each.commit(count(each.state, "a")) for each in writers))
    for task in tasks:
        task.cancel()
    assert sorted(answers) == [1, 2]
    assert store.head().position == 2


async def test_digest_of_what_is_not_committed_is_never_kept(
    writer: GroupWriter, store: EventStore, migrated: Database
) -> None:
    """While a group's commit is stuck, the state in memory is ahead of the store and leaves no digest."""
    await writer.commit(count(writer.state, "a"))
    with psycopg.connect(migrated.owner_conninfo) as holder:
        holder.execute("SELECT * FROM feed_head FOR UPDATE")
        waiting = asyncio.create_task(writer.commit(count(writer.state, "a")))
        await asyncio.sleep(0.1)
        await save_digest(writer)
        holder.rollback()
    await waiting
    with store.connection() as connection:
        assert connection.execute("SELECT * FROM state_digests").fetchall() == []


async def test_callers_that_gave_up_free_the_queue(store: EventStore) -> None:
    """Commands whose callers are gone no longer fill the queue, and are never decided."""
    writer = GroupWriter(store, CODEC, Tally(), ManualClock(0), queue_weight_limit=5)
    gone = [asyncio.create_task(writer.commit(count(writer.state, "a"))) for _ in range(5)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    waiting = asyncio.create_task(writer.commit(count(writer.state, "b")))
    task = asyncio.create_task(writer.run())
    assert await waiting == 1
    assert writer.state.counters == {"b": 1}
    assert await writer.commit(count(writer.state, "b"), weight=5) == 2
    task.cancel()


async def test_event_beyond_the_bound_is_refused(writer: GroupWriter, store: EventStore) -> None:
    """An event that no follower could fetch is refused, and its neighbours stand."""
    answers = await asyncio.gather(
        writer.commit(count(writer.state, "a")),
        writer.commit(count(writer.state, "x" * MAX_STATE_BYTES)),
        return_exceptions=True,
    )
    assert answers[0] == 1
    assert isinstance(answers[1], EventTooLarge)
    assert store.head().position == 1
    assert list(writer.state.counters) == ["a"]


async def test_two_that_both_believe_they_lead_make_one_history(store: EventStore) -> None:
    """Two writers under load on many streams: every reply is the count at its own event, one event per position."""
    writers = [GroupWriter(store, CODEC, Tally(), ManualClock(0)) for _ in range(2)]
    tasks = [asyncio.create_task(each.run()) for each in writers]
    streams = [bytes([number]) * 16 for number in range(1, 6)]

    async def client(writer: GroupWriter, number: int) -> list[tuple[str, int]]:
        replies = []
        for turn in range(20):
            stream = streams[(number + turn) % len(streams)]
            name = stream.hex()[:2]
            replies.append((name, await writer.commit(count(writer.state, name, stream=stream))))
        return replies

    answered = await asyncio.gather(*(client(each, number) for number in range(6) for each in writers))
    for task in tasks:
        task.cancel()
    history, counters = [], Tally()
    for position, recorded in enumerate(store.replay(CODEC), start=1):
        counters.apply(recorded, Journal())
        assert recorded.position == position
        history.append((recorded.event.name, counters.counters[recorded.event.name]))
    assert sorted(reply for replies in answered for reply in replies) == sorted(history)
    assert store.verify_chain().position == len(history) == len(answered) * 20


async def test_looking_that_was_refused_is_forgotten(writer: GroupWriter) -> None:
    """Who wanted to look while the writer stands by is refused, and a later group calls nobody back."""
    looked: list[int] = []
    writer.stand_by(NotLeader)
    with pytest.raises(NotLeader):
        await writer.between_groups(lambda: looked.append(1))
    writer.lead()
    assert await writer.commit(count(writer.state, "a")) == 1
    assert not looked


async def test_looking_at_the_last_group_of_a_writer_that_stops(store: EventStore) -> None:
    """Who waits to look when the writer is stopped during the group sees it committed, and does not wait for ever."""
    writer = GroupWriter(store, CODEC, Tally(), ManualClock(1_000))
    task = asyncio.create_task(writer.run())
    counting = asyncio.create_task(writer.commit(count(writer.state, "a")))
    looking = asyncio.create_task(writer.between_groups(lambda: writer.head.position))
    while not writer.journal.mark():
        await asyncio.sleep(0)
    task.cancel()
    assert await counting == 1
    assert await asyncio.wait_for(looking, 5) == 1


async def test_looking_that_was_cancelled_does_not_stop_the_writer(writer: GroupWriter) -> None:
    """A look whose caller was cancelled a moment ago, and that is still in line, is passed over."""
    with writer._onlookers.waiting(lambda: None) as nobody:
        nobody.cancel()
        answers = [await asyncio.wait_for(writer.commit(count(writer.state, "a")), 5) for _ in range(2)]
    assert answers == [1, 2]


class Refusing(Tally):
    """Counters that cannot take in one name."""

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Counts, then refuses."""
        super().apply(recorded, journal)
        if recorded.event.name == "broken":
            raise IndexError


async def test_a_writer_ends_when_an_event_cannot_be_taken_in(writer: GroupWriter, store: EventStore) -> None:
    """Memory that may have half of an event decides nothing more: callers are refused, and the task fails."""
    refusing = GroupWriter(store, CODEC, Refusing(), ManualClock(1_000))
    task = asyncio.create_task(refusing.run())
    await writer.commit(count(writer.state, "broken"))
    with pytest.raises(StoreUnavailable):
        await refusing.commit(count(refusing.state, "a"))
    with pytest.raises(StateBroken):
        await asyncio.wait_for(task, 5)
    assert store.head().position == 1


async def test_a_writer_that_cannot_write_says_so(
    writer: GroupWriter, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed group is a problem until another is written; a read proves nothing; one that hangs is one too."""

    def refuse(*arguments: object) -> Head:
        raise StoreUnavailable

    assert writer.progress.problem() is None
    with monkeypatch.context() as patch:
        patch.setattr(EventStore, "append", refuse)
        with pytest.raises(StoreUnavailable):
            await writer.commit(count(writer.state, "a"))
        await writer.commit(lambda unit: None)
        assert writer.progress.problem() == "STORE_UNAVAILABLE"
    await writer.commit(count(writer.state, "a"))
    assert writer.progress.problem() is None
    release = threading.Event()
    append = EventStore.append

    def slowly(*arguments: Any) -> Head:
        release.wait(10)
        return append(*arguments)

    monkeypatch.setattr(EventStore, "append", slowly)
    monkeypatch.setattr(progress, "HANGS_SECONDS", 0.1)
    committing = asyncio.create_task(writer.commit(count(writer.state, "a")))
    await asyncio.sleep(0.3)
    assert writer.progress.problem() == "a commit hangs"
    release.set()
    await committing
    assert writer.progress.problem() is None
