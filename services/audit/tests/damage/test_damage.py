"""Every store of the log, damaged in every way: who names it, and by what."""

from __future__ import annotations

import asyncio
import re
from itertools import product
from pathlib import Path

import pytest
from ringfence_kernel.store import EventStore
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database

from ..conftest import LocalAnchor, migrate, running
from ..feeds import SourceFeed, accounts_created, transfers_created
from ..test_audit_log import append_reads
from ..test_audit_snapshots import saved
from .cells import CELLS, KINDS, STORES, Cell
from .naming import PROCESSES, READERS, Honest, who_names


def source() -> SourceFeed:
    """What the log has taken over."""
    custody = SourceFeed("custody")
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    for number in range(150):
        custody.add("TransfersCreated.v1", transfers_created(f"t{number}-0", f"t{number}-1"))
    return custody


ANCHOR = LocalAnchor()
"""What is held of the log that all tests have copies of."""


def fill(database: Database) -> None:
    """Has a log with some two hundred leaves under a checkpoint, and twice as many under the next one."""
    migrate(database)

    async def grow() -> None:
        store, custody = EventStore(database.app_conninfo, settle_seconds=10), source()
        async with running(store, [custody], anchor=ANCHOR) as audit:
            await audit.take_over(await custody.page(0, 60))
            await append_reads(audit, 5)
            await audit.publish()
            await audit.follow(custody)
            await append_reads(audit, 200)
            await audit.publish()
            await append_reads(audit, 2)
            await audit.publish()
        store.close()

    asyncio.run(grow())


@pytest.fixture
def database(filled_database: FilledDatabase) -> Database:
    """A log of its own for each test."""
    return filled_database("audit", fill)


async def honest(database: Database, folder: Path) -> Honest:
    """What whoever has used the log until now knows of it; and a saved state."""
    store, custody, snapshot = EventStore(database.app_conninfo), source(), SnapshotFile(folder, "audit")
    anchor = LocalAnchor()
    anchor.held = ANCHOR.held
    async with running(store, [custody], anchor=anchor) as audit:
        await saved(audit, snapshot)
        signed = audit.log.signed
        assert signed is not None
        known = Honest(signed, audit.log.position(), anchor, custody, snapshot)
    store.close()
    return known


async def test_of_a_log_as_it_was_nobody_says_anything(database: Database, tmp_path: Path) -> None:
    """Whoever names something does so for what was done to it."""
    assert await who_names(database, await honest(database, tmp_path), tmp_path) == {}


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_what_was_done_is_named(database: Database, tmp_path: Path, cell: Cell) -> None:
    """By all of those, and by no others, with the place or the part."""
    known = await honest(database, tmp_path)
    cell.damage(database, known.snapshot)
    heard = await who_names(database, known, tmp_path)
    assert heard.keys() == cell.named.keys(), heard
    assert {name: text for name, text in heard.items() if not re.search(cell.named[name], text)} == {}


def test_every_store_is_damaged_in_every_way() -> None:
    """And somebody names each; everybody is needed for something."""
    assert {(cell.store, cell.kind) for cell in CELLS} == set(product(STORES, KINDS))
    assert all(cell.named for cell in CELLS)
    assert {name for cell in CELLS for name in cell.named} == {*READERS, "mirror", *PROCESSES}
