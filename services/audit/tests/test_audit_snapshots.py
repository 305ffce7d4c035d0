"""Snapshots of the log: a restart takes up where the last one ended, and never trusts a file more than the events."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.domain.events import EVENTS, leaves_of
from ringfence_audit.log.domain.state import LogTampered
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.refusals import StateBroken
from ringfence_kernel.writing.snapshots import SavedState, SnapshotFile, take
from ringfence_local_stack.servers.database import Database

from .conftest import ORIGIN, Audit, running
from .feeds import SourceFeed, accounts_created, identifier, transfers_created
from .test_audit_log import append_reads, as_owner, fill


async def saved(audit: Audit, file: SnapshotFile) -> int:
    """Writes a snapshot of a running log; returns its position."""
    state = audit.writer.state
    assert isinstance(state, SavedState)
    snapshot = await audit.writer.between_groups(lambda: take(audit.writer, state))
    assert snapshot is not None
    file.write(snapshot)
    return snapshot.header.position


async def history(audit: Audit, custody: SourceFeed) -> None:
    """Fills a log: accounts of two books with and without owners, transfers, reads, a checkpoint, unsigned leaves."""
    fill(custody)
    custody.add(
        "AccountsCreated.v1", accounts_created("carol", "dave", owners=("owner-c", "owner-d")), b"other-book......"
    )
    await audit.follow(custody)
    await append_reads(audit, 300)
    await audit.publish()
    await append_reads(audit, 5)


async def test_a_log_restored_from_a_snapshot_is_the_one_replayed(
    audit: Audit, custody: SourceFeed, tmp_path: Path
) -> None:
    """Snapshot and the events since give the state that all events give, and the log goes on from it."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    position = await saved(audit, file)
    await append_reads(audit, 7)
    async with running(audit.store, [custody]) as replayed, running(audit.store, [custody], file) as again:
        assert (again.replayed, replayed.replayed) == (7, position + 7)
        assert again.writer.state.digest() == replayed.writer.state.digest() == audit.writer.state.digest()
        recent = audit.log.checkpoint()
        await append_reads(again, 1)
        await again.sign_checkpoint.record(recent, await again.signer.sign(recent.text()))
        custody.add("TransfersCreated.v1", transfers_created("later"))
        await again.follow(custody)
        await again.publish()
        named = leaves_of(next(again.store.replay(EventCodec(EVENTS), again.store.head().position - 3)).event)
        assert identifier("alice") in named[0]
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_the_state_restored_is_the_state_saved(audit: Audit, custody: SourceFeed, tmp_path: Path) -> None:
    """Every field of both modules comes back, accounts without an owner among them."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    await saved(audit, file)
    async with running(audit.store, [custody]) as replayed, running(audit.store, [custody], file) as again:
        assert again.log == replayed.log
        assert again.accounts == replayed.accounts
        assert {each.owner for accounts in again.accounts.books.values() for each in accounts.values()} == {
            None,
            identifier("owner-c"),
            identifier("owner-d"),
        }


@pytest.mark.parametrize("position", [1, -1])
async def test_a_changed_event_is_found_in_spite_of_a_snapshot(
    audit: Audit, custody: SourceFeed, tmp_path: Path, audit_database: Database, position: int
) -> None:
    """A leaf changed after the snapshot stops the start; one before it is found by a rebuild, which uses none."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    await saved(audit, file)
    await append_reads(audit, 3)
    changed = position if position > 0 else audit.store.head().position
    stored = audit.store.read(changed - 1, 1)[0].state
    at = stored.index(b"tenant_id") + 1
    as_owner(
        audit_database, f"UPDATE stored_events SET state = set_byte(state, {at}, 1) WHERE notification_id = {changed}"
    )
    if position > 0:
        async with running(audit.store, [custody], file) as again:
            assert again.replayed == 3
    else:
        with pytest.raises(StateBroken) as stopped:
            async with running(audit.store, [custody], file):
                pass
        assert isinstance(stopped.value.__cause__, LogTampered)
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert report.differences["chain"] == 1


async def test_a_snapshot_of_another_log_is_not_used(audit: Audit, custody: SourceFeed, tmp_path: Path) -> None:
    """A file that names another origin leaves the state empty, and everything is replayed."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    audit.log.origin = "ringfence.test/other"
    position = await saved(audit, file)
    async with running(audit.store, [custody], file) as again:
        assert again.replayed == position
