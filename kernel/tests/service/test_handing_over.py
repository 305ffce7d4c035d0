"""One leader after the other: nothing is lost between them, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg
import pytest
from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.service import leadership
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.postgres import PostgresServer

from ..tally import count, fill
from .competing import Process, counted, until


async def test_who_hands_over_answers_what_it_has_begun(process: Callable[[], Process], migrated: Database) -> None:
    """A call under way is answered, the next one refused, and only then can another lead; it leads for good."""
    async with process().running() as old, process().running() as new:
        await until(lambda: old.leadership.is_leading or new.leadership.is_leading)
        if new.leadership.is_leading:
            old, new = new, old
        with psycopg.connect(migrated.owner_conninfo) as other:
            other.execute("SELECT * FROM feed_head FOR UPDATE")
            under_way = asyncio.create_task(old.count())
            await asyncio.sleep(0.2)
            handing_over = asyncio.create_task(old.leadership.hand_over(10))
            await asyncio.sleep(0.5)
            with pytest.raises(NotLeader):
                await old.count()
            assert (old.heard, new.heard) == ([True], [])
        assert await under_way == 1
        await handing_over
        assert old.heard == [True, False]
        await until(lambda: new.leadership.is_leading)
        assert await new.count() == 2
    assert old.heard == [True, False]


async def test_who_hands_over_does_not_wait_for_ever(process: Callable[[], Process], migrated: Database) -> None:
    """A call that does not end within the time is told that its answer cannot be given, and another leads."""
    async with process().running() as old:
        await until(lambda: old.leadership.is_leading)
        hangs = asyncio.Event()

        async def call() -> None:
            with old.leadership:
                await hangs.wait()

        calling = asyncio.create_task(call())
        await asyncio.sleep(0)
        await old.leadership.hand_over(0.2)
        async with process().running() as new:
            await until(lambda: new.leadership.is_leading)
        hangs.set()
        with pytest.raises(StoreUnavailable):
            await calling


async def test_who_hands_over_lets_go_of_a_group_that_never_ends(
    process: Callable[[], Process], migrated: Database
) -> None:
    """A commit that hangs, while the lease is well, costs its caller the answer, and nobody the order of leaving."""
    async with process().running() as old:
        await until(lambda: old.leadership.is_leading)
        with psycopg.connect(migrated.owner_conninfo) as other:
            other.execute("SELECT * FROM feed_head FOR UPDATE")
            under_way = asyncio.create_task(old.writer.commit(count(old.writer.state, "a")))
            await until(lambda: old.writer.progress.is_under_way)
            await old.leadership.hand_over(0)
            assert under_way.done()
            async with process().running() as new:
                await until(lambda: new.leadership.is_leading)
            with pytest.raises(StoreUnavailable):
                await under_way


@pytest.mark.parametrize("is_busy", [False, True])
async def test_leader_begins_anew_when_another_has_written(process: Callable[[], Process], is_busy: bool) -> None:
    """What a former leader commits late is found as by a new leader, whether anything else is written or not."""
    leader, found = process(), list[int]()

    async def find_work() -> None:
        found.append(leader.writer.head.position)

    leader.leadership.begin_with(find_work)
    async with leader.running():
        assert await counted(leader) == 1
        await asyncio.to_thread(fill, leader.store, 1)
        if is_busy:
            assert await counted(leader) == 3
        await until(lambda: len(found) == 2 and leader.leadership.is_leading)
        assert found[0] == 0
        assert found[1] >= 2
        assert await leader.count() == (4 if is_busy else 3)


async def test_leader_does_not_take_its_own_commits_for_anothers(process: Callable[[], Process]) -> None:
    """A term goes on while the leader writes, whatever it sees of the feed meanwhile."""
    async with process().running() as leader:
        await until(lambda: leader.leadership.is_leading)
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            await leader.count()
            await asyncio.sleep(0.02)
        assert leader.heard == [True]


async def test_lease_that_is_no_longer_kept_is_not_given_up_before_its_time(
    process: Callable[[], Process], migrated: Database
) -> None:
    """Whoever steps down while a sign of life is on its way holds the lease until that was answered."""
    leader, other = process(), process()
    assert await leader.lease.attempt()
    with psycopg.connect(migrated.owner_conninfo) as holder:
        keeping = asyncio.create_task(leader.lease.keep())
        holder.execute("LOCK TABLE feed_head IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(1.5)
        keeping.cancel()
        await asyncio.sleep(0.2)
        assert leader.lease.is_held
        holder.rollback()
        assert not await other.lease.attempt()
    await asyncio.wait({keeping})
    assert leader.lease.is_held
    await leader.lease.release()
    while not await other.lease.attempt():
        await asyncio.sleep(0.01)
    await other.lease.release()


async def test_standby_that_is_to_leave_competes_no_more(process: Callable[[], Process]) -> None:
    """A process that is about to go does not take a lease that it would give up at once; who leads goes on leading."""
    async with process().running() as leader:
        await until(lambda: leader.leadership.is_leading)
        async with process().running() as leaving:
            await until(lambda: leaving.writer.head == leader.writer.head)
            for each in (leader, leaving):
                each.leadership.withdraw()
            assert await leader.count() == 1
            await leader.leadership.hand_over(1)
            await asyncio.sleep(0.5)
            async with process().running() as next_one:
                await until(lambda: next_one.leadership.is_leading)
            assert leaving.heard == []


def end_session_of_leader(postgres_server: PostgresServer, database: Database) -> None:
    """Takes the lease from who holds it, as a server does that ends its session."""
    with postgres_server.superuser(database.name) as administrator:
        held = administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        )
        assert held.rowcount == 1


async def test_who_leaves_leads_again_where_nobody_else_does(
    process: Callable[[], Process], migrated: Database, postgres_server: PostgresServer
) -> None:
    """A leader that is to leave and loses the lease answers again until it hands over, then another leads at once."""
    async with process().running() as leaving:
        await until(lambda: leaving.leadership.is_leading)
        leaving.leadership.withdraw()
        end_session_of_leader(postgres_server, migrated)
        await until(lambda: False in leaving.heard)
        assert await asyncio.wait_for(counted(leaving), 5) == 1
        await leaving.leadership.hand_over(1)
        async with process().running() as next_one:
            await until(lambda: next_one.leadership.is_leading)
        assert leaving.heard == [True, False, True, False]


async def test_who_leaves_lets_others_be_first(
    process: Callable[[], Process],
    migrated: Database,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A leader that is to leave and loses the lease gives way for a while, in which any other takes it."""
    async with process().running() as leaving:
        await until(lambda: leaving.leadership.is_leading)
        monkeypatch.setattr(leadership, "YIELD_SECONDS", 60.0)
        leaving.leadership.withdraw()
        end_session_of_leader(postgres_server, migrated)
        await until(lambda: False in leaving.heard)
        async with process().running() as staying:
            await until(lambda: staying.leadership.is_leading)
            assert await staying.count() == 1
        assert leaving.heard == [True, False]
