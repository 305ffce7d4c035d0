"""Snapshots of the log: a restart takes up where the last one ended, and never trusts a file more than the events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from ringfence_audit.bootstrap import rebuild, states
from ringfence_audit.evidence.domain.state import State as EvidenceState
from ringfence_audit.log.adapters import checked_states
from ringfence_audit.log.adapters.carrying_over import backwards
from ringfence_audit.log.domain.events import EVENTS, leaves_of
from ringfence_audit.log.domain.state import LogTampered, State
from ringfence_audit.standing.domain.state import SECTION as SUSPENDED_SECTION
from ringfence_audit.standing.domain.state import State as StandingState
from ringfence_audit.texts.domain.state import State as TextState
from ringfence_audit.translation.domain.state import State as TranslationState
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.refusals import StateBroken
from ringfence_kernel.writing.snapshots import CheckedState, Snapshot, SnapshotFile, Snapshots
from ringfence_local_stack.servers.database import Database
from structlog.testing import capture_logs

from .conftest import ORIGIN, Audit, running
from .feeds import BOOK, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created
from .test_audit_log import append_reads, as_owner, fill


async def saved(audit: Audit, file: SnapshotFile) -> int:
    """Writes a snapshot of a running log; returns its position."""
    state = audit.writer.state
    assert isinstance(state, CheckedState)
    snapshots = Snapshots(file, audit.writer, state)
    await snapshots.save()
    return snapshots.position


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


def in_rest(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """Changes the part of the log's state that is JSON."""

    def changed(section: bytes) -> bytes:
        rest = json.loads(section)
        change(rest)
        return json.dumps(rest).encode()

    return changed


def flipped(section: bytes) -> bytes:
    """Changes one bit, of the first byte."""
    return bytes([section[0] ^ 1]) + section[1:]


def swapped(section: bytes, width: int) -> bytes:
    """Has the first two of equal parts change places."""
    return section[width : 2 * width] + section[:width] + section[2 * width :]


TREE, HEADS, CHECKPOINT = "another tree", "other heads of sources", "another checkpoint"
LIES = {
    "tile": ("log/tile 0", flipped, TREE),
    "size": ("log/rest", in_rest(lambda rest: rest.update(size=rest["size"] + 256)), TREE),
    "head": ("log/rest", in_rest(lambda rest: rest["heads"][0].__setitem__(2, 4)), HEADS),
    "no head": ("log/rest", in_rest(lambda rest: rest["heads"].clear()), HEADS),
    "checkpoint": (
        "log/rest",
        in_rest(lambda rest: rest["signed"].__setitem__(2, rest["signed"][2] + "more")),
        CHECKPOINT,
    ),
    "no checkpoint": ("log/rest", in_rest(lambda rest: rest.update(signed=None)), CHECKPOINT),
    "account": (f"translation/{BOOK.hex()} id", flipped, ""),
    "owner": (f"translation/{b'other-book......'.hex()} owner", flipped, ""),
    "two hashes swapped": ("log/tile 0", lambda tile: swapped(tile, 32), TREE),
    "two accounts swapped": (f"translation/{BOOK.hex()} id", lambda ids: swapped(ids, 16), ""),
    "suspended": (f"standing/{SUSPENDED_SECTION}", lambda _: plain.encode([identifier("auditor")]), ""),
}
"""Sections of a snapshot, what makes a lie of them, and by which event it is found where the digest lies as well."""


@pytest.mark.parametrize("lie", LIES)
async def test_a_saved_state_that_lies_is_not_believed(
    audit: Audit, custody: SourceFeed, tmp_path: Path, audit_database: Database, lie: str
) -> None:
    """Its file is whole and of this history: the store's digest, or an event, says what is not so; all is replayed."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    position = await saved(audit, file)
    section, change, found_by_event = LIES[lie]
    header, told = file.read() or pytest.fail("there is no file")
    sections = [(name, change(bytes(each)) if name == section else bytes(each)) for name, each in told.items()]
    assert sections != [(name, bytes(each)) for name, each in told.items()]
    sizes = [(name, len(content)) for name, content in sections]
    file.write(Snapshot(structs.replace(header, sections=sizes), sections))
    await replayed_for(audit, custody, file, position, "the state is not the one whose digest is stored")
    if found_by_event:
        liar = states(State(ORIGIN), TranslationState(), EvidenceState(), StandingState(), TextState())
        liar.restore({name: memoryview(content) for name, content in sections})
        as_owner(audit_database, "UPDATE state_digests SET digest = %s WHERE position = %s", liar.digest(), position)
        await replayed_for(audit, custody, file, position, found_by_event)


async def replayed_for(audit: Audit, custody: SourceFeed, file: SnapshotFile, position: int, reason: str) -> None:
    """Starts a log by a file that is not believed for a reason, and finds that it is the one that events give."""
    with capture_logs() as logged:
        async with running(audit.store, [custody], file) as again:
            assert (again.replayed, again.log) == (position, audit.log)
            assert again.writer.state.digest() == audit.writer.state.digest()
    [said] = [each["detail"] for each in logged if each["event"] == "snapshot_unusable"]
    assert reason in said


@pytest.mark.parametrize("level", [0, 1])
async def test_a_saved_state_beside_other_tiles_is_not_believed(
    audit: Audit, custody: SourceFeed, tmp_path: Path, audit_database: Database, level: int
) -> None:
    """Where the stored edge is not the saved one, the state comes from events, and says which tile it was."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    position = await saved(audit, file)
    index = audit.log.frontier.size // 256 if level == 0 else 0
    change = "UPDATE tiles SET hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1) WHERE level = %s AND index = %s"
    as_owner(audit_database, change, level, index)
    await replayed_for(audit, custody, file, position, f"another tile {level}/{index}")


async def test_a_snapshot_with_another_version_of_the_stream_is_not_used(
    audit: Audit, custody: SourceFeed, tmp_path: Path
) -> None:
    """What comes next would have a version that the store has, or leave one out."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    position = await saved(audit, file)
    header, told = file.read() or pytest.fail("there is no file")
    versions = {stream: version - 1 for stream, version in header.versions.items()}
    file.write(Snapshot(structs.replace(header, versions=versions), list(told.items())))
    await replayed_for(audit, custody, file, position, "another version")


async def test_a_snapshot_whose_digest_is_nowhere_is_not_used(
    audit: Audit, custody: SourceFeed, tmp_path: Path, audit_database: Database
) -> None:
    """As one that was put there by hand."""
    file = SnapshotFile(tmp_path, "audit")
    await history(audit, custody)
    position = await saved(audit, file)
    as_owner(audit_database, "DELETE FROM state_digests")
    await replayed_for(audit, custody, file, position, "no digest is stored")


async def test_a_log_never_signed_is_restored_too(audit: Audit, custody: SourceFeed, tmp_path: Path) -> None:
    """Its heads stand in no leaf: those of its pages are compared."""
    file = SnapshotFile(tmp_path, "audit")
    fill(custody)
    await audit.follow(custody)
    await append_reads(audit, 10)
    position = await saved(audit, file)
    assert position
    async with running(audit.store, [custody], file) as again:
        assert (again.replayed, again.log.heads) == (0, audit.log.heads)


async def test_a_log_of_the_first_format_is_held_to_the_heads_of_its_checkpoint(
    audit: Audit, custody: SourceFeed, identity: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checkpoints state them, as of their size, and no event before that is looked at again."""
    identity.add("KycChanged.v1", kyc_changed())
    await audit.follow(identity)
    await append_reads(audit, 20)
    fill(custody)
    await audit.follow(custody)
    due = audit.log.checkpoint()
    custody.add("TransfersCreated.v1", transfers_created("while it was signed"))
    await audit.follow(custody)
    checkpoint = replace(due, heads=tuple(audit.log.heads.values()))
    checkpoint = replace(checkpoint, heads=tuple(each for each in checkpoint.heads if each.source == "identity"))
    await audit.sign_checkpoint.record(checkpoint, await audit.signer.sign(checkpoint.text()))
    await append_reads(audit, 3)
    position, looked_at = audit.store.head().position, list[int]()

    def looked(*arguments: Any) -> Any:
        for stored in backwards(*arguments):
            looked_at.append(stored.position)
            yield stored

    monkeypatch.setattr(checked_states, "backwards", looked)
    state = audit.writer.state
    assert isinstance(state, checked_states.CheckedStates)
    state.check(audit.store, position)
    assert len(looked_at) <= 3 + 1 + 2
    for source in ("custody", "identity"):
        head = audit.log.heads[source]
        audit.log.heads[source] = replace(head, position=head.position + 1)
        with pytest.raises(ValueError, match="other heads of sources"):
            state.check(audit.store, position)
        audit.log.heads[source] = head
