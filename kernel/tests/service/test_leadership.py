"""One leads, the others stand by: on real PostgreSQL, with processes that die, hang, and are cut off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import psycopg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.service.leadership import StoreWentBack
from ringfence_kernel.service.measures import measure_leadership, while_leading
from ringfence_kernel.store.lease import LEASE_SECONDS
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_local_stack.processes.ways import Way
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.postgres import PostgresServer

from ..tally import count
from .competing import TAKEOVER_SECONDS, Process, counted, until


async def test_one_leads_and_the_other_follows_and_refuses(process: Callable[[], Process]) -> None:
    """The standby has what the leader committed, and refuses by name without deciding anything."""
    async with process().running() as first:
        await until(lambda: first.leadership.is_leading)
        async with process().running() as second:
            assert [await first.count() for _ in range(3)] == [1, 2, 3]
            await until(lambda: second.writer.head == first.writer.head)
            assert second.writer.state.digest() == first.writer.state.digest()
            with pytest.raises(NotLeader):
                await second.count()
            with pytest.raises(NotLeader):
                await second.writer.commit(count(second.writer.state, "a"))
            with pytest.raises(NotLeader), second.leadership:
                pytest.fail("a call was begun by a standby")
            assert (first.heard, second.heard) == ([True], [])


async def test_who_leads_is_measured(process: Callable[[], Process]) -> None:
    """Of two processes one shows that it leads; a process counts its terms, and what only a leader may say ends."""
    one, other = process(), process()
    readers = [InMemoryMetricReader(), InMemoryMetricReader()]
    for each, reader in zip((one, other), readers, strict=True):
        meter = MeterProvider([reader]).get_meter("test")
        gauges = Gauges(meter)
        measure_leadership(gauges, meter, each.leadership)
        gauges.observe("ringfence.of.leader", "1", "", while_leading(each.leadership, lambda: [(7, {})]))
    leads = {"ringfence.leadership.leading": 1, "ringfence.leadership.terms": 1, "ringfence.of.leader": 7}
    async with one.running():
        await until(lambda: one.leadership.is_leading)
        async with other.running():
            assert values(readers[0]) == leads
            assert values(readers[1]) == {"ringfence.leadership.leading": 0, "ringfence.leadership.terms": 0}
            one.is_fit = False
            await until(lambda: other.leadership.is_leading)
            assert values(readers[0]) == {"ringfence.leadership.leading": 0, "ringfence.leadership.terms": 1}
            assert values(readers[1]) == leads


def values(reader: InMemoryMetricReader) -> dict[str, float]:
    """What is measured now, by name."""
    data: Any = reader.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return {metric.name: point.value for metric in metrics for point in metric.data.data_points}


async def test_standby_takes_over_and_nothing_is_lost_or_doubled(process: Callable[[], Process]) -> None:
    """Clients that try both processes count on without a gap while the leader stops; the history is one."""
    acknowledged: dict[str, int] = {}
    done = asyncio.Event()

    async def client(name: str, both: list[Process]) -> None:
        while not done.is_set():
            for each in both:
                with suppress(NotLeader, StoreUnavailable):
                    acknowledged[name] = await each.count(name)
            await asyncio.sleep(0)

    first, second = process(), process()
    async with AsyncExitStack() as first_runs, second_when(first, second, first_runs):
        clients = [asyncio.create_task(client(f"c{n}", [first, second])) for n in range(4)]
        await asyncio.sleep(0.3)
        before = dict(acknowledged)
        await first_runs.aclose()
        await until(lambda: second.leadership.is_leading)
        await until(lambda: all(acknowledged[name] > before[name] for name in before))
        done.set()
        await asyncio.gather(*clients)
    fresh = process()
    fresh.writer.load()
    assert fresh.writer.state.counters == acknowledged
    assert fresh.store.verify_chain().position == sum(acknowledged.values())
    fresh.store.close()


@asynccontextmanager
async def second_when(first: Process, second: Process, first_runs: AsyncExitStack) -> AsyncIterator[None]:
    """Runs both, the first as the leader."""
    await first_runs.enter_async_context(first.running())
    await until(lambda: first.leadership.is_leading)
    async with second.running():
        await until(lambda: second.writer.head == first.writer.head)
        yield


async def test_ended_session_deposes_at_once(
    process: Callable[[], Process], migrated: Database, postgres_server: PostgresServer
) -> None:
    """A leader whose session the server ends knows within a moment; it refuses what waits, and competes again."""
    async with process().running() as first:
        await until(lambda: first.leadership.is_leading)
        assert await first.count() == 1
        with postgres_server.superuser(migrated.name) as admin:
            held = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
            )
            assert held.rowcount == 1
        await until(lambda: False in first.heard, 0.5)
        assert await counted(first) == 2
    assert first.heard[:3] == [True, False, True]


async def test_process_that_hangs_loses_the_lease_before_another_has_it(process: Callable[[], Process]) -> None:
    """Without a sign of life the server gives the lease away, and the holder knows by its own clock before that."""
    holder, other = process(), process()
    # The holder counts from before it asks.
    started = time.monotonic()
    assert await holder.lease.attempt()
    while not await other.lease.attempt():
        assert time.monotonic() - started < LEASE_SECONDS + TAKEOVER_SECONDS
        await asyncio.sleep(0.05)
    assert not holder.lease.is_held
    assert time.monotonic() - started >= LEASE_SECONDS
    await holder.lease.release()
    await other.lease.release()


async def test_leader_outlives_its_database(process: Callable[[], Process], postgres_server: PostgresServer) -> None:
    """kill -9 of PostgreSQL ends the term; one of the two leads again, and no acknowledged count is lost or doubled."""
    async with process().running() as first, process().running() as second:
        both = (first, second)
        await until(lambda: any(each.leadership.is_leading for each in both))
        leader = first if first.leadership.is_leading else second
        assert await leader.count() == 1
        await asyncio.to_thread(postgres_server.kill)
        try:
            await until(lambda: not leader.leadership.is_leading)
            with pytest.raises(NotLeader):
                await leader.count()
        finally:
            await asyncio.to_thread(postgres_server.start)
        await until(lambda: any(each.leadership.is_leading for each in both), 10)
        leader = first if first.leadership.is_leading else second
        assert await leader.count() == 2


async def test_who_stops_in_order_ends_what_is_under_way(process: Callable[[], Process], migrated: Database) -> None:
    """A slow database costs no caller his answer while the lease lasts: nobody else can lead."""
    async with process().running() as leader:
        await until(lambda: leader.leadership.is_leading)
        with psycopg.connect(migrated.owner_conninfo) as other:
            other.execute("SELECT * FROM feed_head FOR UPDATE")
            under_way = asyncio.create_task(leader.writer.commit(count(leader.writer.state, "a")))
            await asyncio.sleep(0.2)
            leader.task.cancel()
            await asyncio.sleep(1.0)
        assert await under_way == 1
        assert leader.store.head().position == 1


async def test_a_database_that_vanishes_without_a_word(migrated: Database) -> None:
    """Nobody waits for what never answers: the caller is told, another leads, and this process follows again later."""
    async with Way(migrated.port).open() as way:
        cut_off = Process(psycopg.conninfo.make_conninfo(migrated.app_conninfo, port=way.port))
        async with cut_off.running():
            await until(lambda: cut_off.leadership.is_leading)
            assert await cut_off.count() == 1
            async with Process(migrated.app_conninfo).running() as other:
                way.cut()
                under_way = asyncio.create_task(cut_off.count())
                started = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await asyncio.wait_for(under_way, 2 * LEASE_SECONDS)
                await until(lambda: other.leadership.is_leading, 2 * LEASE_SECONDS)
                assert time.monotonic() - started < 2 * LEASE_SECONDS
                assert await other.count() == 2
                assert not cut_off.leadership.is_leading
                way.mend()
                await until(lambda: cut_off.writer.head == other.writer.head, 3 * LEASE_SECONDS)
                assert cut_off.writer.state.digest() == other.writer.state.digest()
            await until(lambda: cut_off.leadership.is_leading, LEASE_SECONDS)
            assert await cut_off.count() == 3


async def test_deposed_writer_decides_nothing_again(process: Callable[[], Process], migrated: Database) -> None:
    """A group that meets another's commit after its process stopped leading is refused, not written by both."""
    old, new = process(), process()
    for each in (old, new):
        each.writer.lead()
    writing = [asyncio.create_task(each.writer.run()) for each in (old, new)]
    with psycopg.connect(migrated.owner_conninfo) as holder:
        holder.execute("SELECT * FROM feed_head FOR UPDATE")
        waiting = asyncio.create_task(new.writer.commit(count(new.writer.state, "new")))
        await asyncio.sleep(0.1)
        stale = asyncio.create_task(old.writer.commit(count(old.writer.state, "old")))
        await asyncio.sleep(0.1)
        queued = asyncio.create_task(old.writer.commit(count(old.writer.state, "old")))
        await asyncio.sleep(0)
        old.writer.stand_by(NotLeader)
        holder.rollback()
    assert await waiting == 1
    for refused in (stale, queued):
        with pytest.raises(NotLeader):
            await refused
    assert new.store.head().position == 1
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    for each in (old, new):
        each.store.close()


async def test_answer_that_outlives_the_leadership_is_withheld(process: Callable[[], Process]) -> None:
    """What a process read while it led is not answered when it leads no more: it could be old."""
    async with process().running() as first:
        await until(lambda: first.leadership.is_leading)
        with pytest.raises(StoreUnavailable), first.leadership:
            await first.lease.release()


async def test_store_that_went_back_ends_the_process(process: Callable[[], Process], migrated: Database) -> None:
    """A standby that knows more than the store does not lead on a history that is gone."""
    first = process()
    async with first.running():
        await until(lambda: first.leadership.is_leading)
        await first.count()
        await first.count()
    restored = process()
    restored.writer.load()
    with psycopg.connect(migrated.owner_conninfo) as owner:
        owner.execute("DELETE FROM stored_events WHERE notification_id = 2")
        owner.execute("UPDATE feed_head SET position = 1")
    with pytest.raises(StoreWentBack):
        await restored.leadership.run([], lambda: None)
    restored.store.close()


async def test_who_is_not_fit_gives_way_to_who_is(process: Callable[[], Process]) -> None:
    """A leader whose clock is wrong hands over to a standby, and leads on where there is none."""
    async with process().running() as one:
        await until(lambda: one.leadership.is_leading)
        async with process().running() as other:
            await until(lambda: other.writer.head == one.writer.head)
            one.is_fit = False
            await until(lambda: other.leadership.is_leading)
            assert await other.count() == 1
            assert not one.leadership.is_leading
        await until(lambda: one.leadership.is_leading)
        assert await one.count() == 2


async def test_of_three_there_is_always_one(process: Callable[[], Process]) -> None:
    """One after the other ends, and the last that is left counts on where the first stopped."""
    left = [process() for _ in range(3)]
    async with AsyncExitStack() as stack:
        runs = {id(each): AsyncExitStack() for each in left}
        for each in left:
            await stack.enter_async_context(runs[id(each)])
            await runs[id(each)].enter_async_context(each.running())
        for expected in range(1, 4):
            await until(lambda: sum(each.leadership.is_leading for each in left) == 1)
            (leader,) = (each for each in left if each.leadership.is_leading)
            assert await leader.count() == expected
            left.remove(leader)
            await runs[id(leader)].aclose()
