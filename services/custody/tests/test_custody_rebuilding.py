"""Statements made anew: beside the running service, and after a migration that replaces their tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
from ringfence_custody.ledger.adapters.schema import migrations
from ringfence_custody.ledger.adapters.statement_model import StatementModel
from ringfence_custody.ledger.domain.errors import StatementsBehind
from ringfence_kernel.projecting.projector import rebuild_and_compare
from ringfence_kernel.projecting.refilling import refill
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_local_stack.servers.database import Database
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, Custody
from .ledger import Row
from .test_custody_reading import SLICE_BITS, history
from .test_custody_service import PLATFORM, send


async def test_statements_are_rebuilt_while_the_ledger_runs(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """Beside traffic, every read during rebuilds shows all that was committed before it, or STATEMENTS_BEHIND."""
    await history(custody, 100)
    projecting = asyncio.create_task(custody.projector.run())
    rebuilding_store, sent, done = stores(), 0, False

    async def traffic() -> None:
        nonlocal sent
        while not done:
            rows = [Row(f"traffic {sent + n}", "alice", "bob", 1, user_data_64=77) for n in range(20)]
            assert await send(custody, *rows) == ["created"] * 20 or sent > 500
            sent += 20

    async def reading() -> int:
        answers = 0
        while not done:
            before = sent
            try:
                page: Any = await custody.call(
                    "ListTransfers",
                    pb.ListTransfersRequest(filter=pb.TransferFilter(user_data_64=77), page_size=1_000),
                    PLATFORM,
                )
            except StatementsBehind:
                continue
            assert len(page.transfers) >= min(before, 500)
            answers += 1
        return answers

    tasks = [asyncio.create_task(each) for each in (traffic(), reading(), reading())]
    for _ in range(4):
        await asyncio.to_thread(refill, rebuilding_store, CODEC, StatementModel(SLICE_BITS))
    done = True
    results = await asyncio.gather(*tasks)
    assert min(results[1:]) > 0
    projecting.cancel()
    await custody.project()
    model = StatementModel(SLICE_BITS)
    assert not any((await asyncio.to_thread(rebuild_and_compare, custody.store, CODEC, model)).values())


async def test_an_older_database_is_refilled_by_itself(
    custody: Custody, custody_database: Database, database: Callable[[str], Database]
) -> None:
    """A database of version 101 is migrated; its statements begin anew and come to the same rows."""
    made = await history(custody, 40)
    old = database("custody")
    owner = old.owner_conninfo
    apply_migrations(owner, old.app_role, [each for each in migrations() if each.number in (1, 100, 101)])
    store = EventStore(old.app_conninfo)
    with psycopg.connect(owner, autocommit=True) as connection:
        for stored in custody.store.read(0, 1_000):
            connection.execute(
                "SELECT append_events(%s, %s::uuid[], %s, %s, %s)",
                (stored.position - 1, [stored.stream.hex()], [stored.version], [stored.topic], [stored.state]),
            )
        connection.execute("INSERT INTO cursors SELECT 'projection:statements', epoch, position, hash FROM feed_head")
    applied = apply_migrations(owner, old.app_role, migrations())
    assert applied == [each.number for each in migrations() if each.number not in (1, 100, 101)]
    custody.projector.store = store
    await custody.project()
    model = StatementModel(SLICE_BITS)
    assert not any((await asyncio.to_thread(rebuild_and_compare, store, CODEC, model)).values())
    with store.connection() as connection_:
        row = connection_.execute("SELECT count(*) AS count FROM transfers").fetchone()
    assert row == {"count": len(made)}
    store.close()
