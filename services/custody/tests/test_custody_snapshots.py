"""Snapshots: a restart takes up where the last one ended, and never trusts a file more than the events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from ringfence_custody.ledger.adapters.batches import StoredBatches
from ringfence_custody.ledger.application.state import State as Books
from ringfence_custody.ledger.domain.errors import RulesVersionTaken
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.modules import ModuleStates
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.writing.snapshots import SnapshotFile, Snapshots, take
from ringfence_kernel.writing.states import SavedStates
from ringfence_kernel.writing.writer import GroupWriter

from .conftest import CODEC, Custody, running
from .ledger import START_NS, Row
from .test_custody_decisions import ARRIVALS, RESTRICTED, SMALL_PAYMENTS, adopt, status_request
from .test_custody_service import OTHER, PLATFORM, account, learn, open_accounts, send

F = TransferFlag


def reserved(name: str, amount: int = 3, timeout: int = 60) -> Row:
    """Returns a reservation."""
    return Row(name, "alice", "bob", amount, F.PENDING, timeout=timeout)


async def history(custody: Custody) -> None:
    """Fills a book: plain transfers, reservations, one posted, one burnt id, an account restricted, rules adopted."""
    await open_accounts(custody)
    await send(custody, *(Row(f"plain {number}", "alice", "bob", 1) for number in range(50)))
    await send(custody, reserved("open"), reserved("posted"))
    await send(custody, Row("post", flags=F.POST_PENDING_TRANSFER, pending_id="posted", amount=3, code=0, ledger=0))
    await send(custody, Row("burnt", "alice", "nobody", 1))
    await custody.call("SetAccountStatus", status_request(RESTRICTED, "bob"), None)
    await adopt(custody, ARRIVALS, SMALL_PAYMENTS)


async def test_decisions_of_before_a_snapshot_still_hold(
    custody: Custody, stores: Callable[[], EventStore], tmp_path: Path
) -> None:
    """After a restart from a snapshot KYC does not lift a restriction, rules are obeyed, and versions are taken."""
    file = SnapshotFile(tmp_path, "custody")
    await history(custody)
    await saved(custody, file)
    async with running(stores, file) as again:
        await learn(again, PLATFORM, "EXPIRED", position=2)
        await learn(again, PLATFORM, "VERIFIED", position=3)
        assert (await account(again, "bob")).status == RESTRICTED
        assert await send(again, Row("large", "alice", "bob", 11)) == ["exceeds_purpose_maximum"]
        with pytest.raises(RulesVersionTaken):
            await adopt(again, ARRIVALS)


async def saved(custody: Custody, file: SnapshotFile) -> None:
    """Saves the service's state."""
    snapshots = Snapshots(file, custody.writer, custody.whole)
    await snapshots.save_last()
    assert snapshots.position == custody.writer.head.position


def fresh(stores: Callable[[], EventStore]) -> tuple[GroupWriter, SavedStates]:
    """Returns an empty writer and its state."""
    store, batches = stores(), stores()
    books = ModuleStates.over(lambda: StoredBatches(batches, CODEC)).together()
    return GroupWriter(store, CODEC, books, ManualClock(START_NS)), books


async def test_a_restart_from_a_snapshot_is_the_state_of_a_replay(
    custody: Custody, stores: Callable[[], EventStore], tmp_path: Path
) -> None:
    """Restored, with the events since, the state has the digest of a full replay, and writes on from there."""
    file = SnapshotFile(tmp_path / "state", "custody")
    await history(custody)
    await saved(custody, file)
    await send(
        custody,
        Row("later", "alice", "bob", 2),
        Row("void", flags=F.VOID_PENDING_TRANSFER, pending_id="open", code=0, ledger=0),
    )
    writer, books = fresh(stores)
    Snapshots(file, writer, books).restore(writer.store)
    assert writer.head.position == custody.writer.head.position - 1
    assert writer.load() == 1
    assert books.digest() == custody.whole.digest()
    assert (writer.head, writer.versions) == (custody.writer.head, custody.writer.versions)
    assert file.path.stat().st_mode & 0o077 == 0


async def test_ids_of_before_a_snapshot_are_still_known(
    custody: Custody, stores: Callable[[], EventStore], tmp_path: Path
) -> None:
    """After a restart from a snapshot the first transfer is `exists`, a burnt id burnt, a reservation still open."""
    file = SnapshotFile(tmp_path, "custody")
    await history(custody)
    await saved(custody, file)
    async with running(stores, file) as again:
        rows = [
            Row("plain 0", "alice", "bob", 1),
            Row("plain 1", "alice", "bob", 2),
            Row("burnt", "alice", "bob", 1),
            Row("post 2", flags=F.POST_PENDING_TRANSFER, pending_id="open", amount=3, code=0, ledger=0),
            Row("post 3", flags=F.POST_PENDING_TRANSFER, pending_id="posted", amount=3, code=0, ledger=0),
        ]
        assert await send(again, *rows) == [
            "exists",
            "exists_with_different_amount",
            "id_already_failed",
            "created",
            "pending_transfer_already_posted",
        ]
        again.clock.advance(3_600 * 10**9)
        assert await again.commands.expire() == 0


@pytest.mark.parametrize("damage", ["a flipped bit", "cut short", "another history", "no file", "of another format"])
async def test_a_snapshot_that_does_not_fit_is_not_used(
    custody: Custody, stores: Callable[[], EventStore], tmp_path: Path, damage: str
) -> None:
    """A damaged or foreign file means a full replay, never a wrong state."""
    file = SnapshotFile(tmp_path, "custody")
    await history(custody)
    await saved(custody, file)
    content = bytearray(file.path.read_bytes())
    if damage == "a flipped bit":
        content[Random(3).randrange(len(content))] ^= 4
    elif damage == "cut short":
        del content[-100:]
    elif damage == "of another format":
        content[:8] = b"RFSNAP9\n"
    file.path.write_bytes(content)
    if damage == "no file":
        file.path.unlink()
    if damage == "another history":
        header = custody.writer.head
        custody.writer.head = type(header)(header.epoch, header.position, bytes(32))
        await saved(custody, file)
        custody.writer.head = header
    writer, books = fresh(stores)
    Snapshots(file, writer, books).restore(writer.store)
    assert writer.head.position == 0
    assert writer.load() == custody.writer.head.position
    assert books.digest() == custody.whole.digest()


async def test_snapshots_are_taken_while_the_ledger_works(
    custody: Custody, stores: Callable[[], EventStore], tmp_path: Path
) -> None:
    """A snapshot between two commits of a busy writer is one of a committed state."""
    file = SnapshotFile(tmp_path, "custody")
    await history(custody)
    snapshots = Snapshots(file, custody.writer, custody.whole)
    keeping = asyncio.create_task(snapshots.keep(0.01))
    for number in range(30):
        await send(custody, *(Row(f"busy {number} {row}", "alice", "bob", 1) for row in range(20)))
    while not snapshots.position:
        await asyncio.sleep(0.01)
    keeping.cancel()
    writer, books = fresh(stores)
    Snapshots(file, writer, books).restore(writer.store)
    assert 0 < writer.head.position <= custody.writer.head.position
    writer.load()
    assert books.digest() == custody.whole.digest()


async def test_a_snapshot_of_which_one_book_cannot_be_read_is_not_used_at_all(custody: Custody) -> None:
    """Books are taken up together or not at all: a replay begins with an empty state."""
    await open_accounts(custody)
    await open_accounts(custody, OTHER)
    sections = {name: memoryview(content) for name, content in custody.state.save()}
    last = [name for name in sections if name.endswith(" rest")][-1]
    sections[last] = memoryview(b"\x80")
    books = Books(lambda: StoredBatches(custody.store, CODEC))
    with pytest.raises(ValueError, match="format"):
        books.restore(sections)
    assert not books.books


async def test_writers_of_one_snapshot_take_turns(custody: Custody, tmp_path: Path) -> None:
    """A file that a cancelled task is still writing is not written by another at the same time."""
    file = SnapshotFile(tmp_path, "custody")
    await history(custody)
    snapshot = take(custody.writer, custody.whole)
    assert snapshot is not None
    for _ in range(20):
        await asyncio.gather(*(asyncio.to_thread(file.write, snapshot) for _ in range(4)))
        assert file.read() is not None
