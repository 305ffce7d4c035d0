"""What was left out, put elsewhere or flipped is found, and named by what it is: event rows, tiles, checkpoints.

Every store of a log, damaged in every way, and who names it: damage/cells.py. Here is what a running service says.
Flipped event rows: test_audit_servicer, test_audit_log. State leaves, all three ways: test_audit_state_leaf. Leaves:
test_verifier_log. Bits of a checkpoint: test_verifier_note.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from ringfence.remembered import LogForked, Remembered
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.application.anchoring import Anchoring
from ringfence_audit.log.domain.errors import LogDamaged, LogRolledBack
from ringfence_kernel.access.caller import calling
from ringfence_kernel.store import EventStore
from ringfence_kernel.writing.refusals import StateBroken
from ringfence_local_stack.servers.database import Database
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import VerificationError, verify_checkpoint

from .conftest import ORIGIN, Audit, running
from .feeds import SourceFeed
from .test_audit_floods import auditor
from .test_audit_log import append_reads, as_owner, fill
from .test_audit_witnesses import Town, checkpoint_of, town_in

CONTEXT: Any = None
FLIP = "UPDATE tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0"
SWAP_HASHES = (
    "UPDATE tiles SET hashes = substr(hashes, 33, 32) || substr(hashes, 1, 32) || substr(hashes, 65) WHERE level = 0"
)
SWAP_ROWS = (
    "UPDATE stored_events SET notification_id = -1 WHERE notification_id = 2",
    "UPDATE stored_events SET notification_id = 2 WHERE notification_id = 3",
    "UPDATE stored_events SET notification_id = 3 WHERE notification_id = -1",
)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Two witnesses."""
    (tmp_path / "town").mkdir()
    with town_in(tmp_path / "town", "ada", "bob") as started:
        yield started


async def filled(audit: Audit, custody: SourceFeed) -> None:
    """Has the log hold facts and reads under two checkpoints."""
    for _ in range(2):
        fill(custody)
        await audit.follow(custody)
        await append_reads(audit, 2)
        await audit.publish()


@pytest.mark.parametrize(
    ("statements", "places"),
    [
        pytest.param(("DELETE FROM stored_events WHERE notification_id = 2",), {2, 3}, id="left out"),
        pytest.param(SWAP_ROWS, {2, 3, 4}, id="put elsewhere"),
    ],
)
async def test_event_rows_that_are_gone_or_elsewhere_are_named(
    audit: Audit, custody: SourceFeed, audit_database: Database, statements: tuple[str, ...], places: set[int]
) -> None:
    """By whoever lists the log, with the place; by a rebuild; and the next start does not begin over it."""
    await filled(audit, custody)
    for statement in statements:
        as_owner(audit_database, statement)
    with calling(auditor("one")), pytest.raises(LogDamaged) as damaged:
        await audit.servicer.ListLeaves(audit_pb2.ListLeavesRequest(limit=10_000), CONTEXT)
    assert int(damaged.value.metadata["position"]) in places
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert report.differences["chain"] > 0
    with pytest.raises(StateBroken):
        async with running(audit.store, [custody]):
            pass


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DELETE FROM tiles WHERE level = 0", id="left out"),
        pytest.param(SWAP_HASHES, id="put elsewhere"),
        pytest.param(FLIP, id="flipped"),
    ],
)
async def test_tiles_that_are_changed_are_named_and_accuse_nobody(
    audit_store: EventStore, custody: SourceFeed, audit_database: Database, town: Town, statement: str
) -> None:
    """No witness is shown a proof that does not hold, which would look like another history; a rebuild counts them."""
    async with running(audit_store, [custody], policy=town.policy("group all all {}\nquorum all\n")) as audit:
        await filled(audit, custody)
        published = audit.log.signed
        await append_reads(audit, 1)
        with pytest.raises(LogDamaged, match="tile"):
            await signed_over(audit, audit_database, statement)
        assert not audit.sign_checkpoint.publishing.disputed
        assert audit.log.signed == published
        report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
        assert report.differences["tiles"] > 0
    # Nor does the next process take the log for one that was put back.
    async with running(audit_store, [custody], anchor=audit.anchor) as again:
        with pytest.raises(LogDamaged, match="tile"):
            await signed_over(again, audit_database, statement)
        assert not again.anchoring.rolled_back


async def signed_over(audit: Audit, database: Database, statement: str) -> None:
    """Signs, with the tile changed when it was written last: with the state that the checkpoint is over."""
    advance = audit.anchoring.advance

    async def changed(*arguments: Any) -> None:
        await asyncio.to_thread(as_owner, database, statement)
        await advance(*arguments)

    with patch.object(Anchoring, "advance", lambda _, *arguments: changed(*arguments)):
        await audit.sign_checkpoint()


async def test_checkpoints_that_are_older_or_made_up_are_named(
    audit: Audit, custody: SourceFeed, tmp_path: Path
) -> None:
    """One left out that was seen, or shown out of turn: the memory names it. A root under another size: unsigned."""
    await filled(audit, custody)
    first, key, remembered = await checkpoint_of(audit), audit.signer.key.text(), Remembered(tmp_path)
    await append_reads(audit, 1)
    await audit.publish()
    newest = await checkpoint_of(audit)
    assert await asyncio.to_thread(remembered.accept, newest, key, lambda *sizes: []) is not None
    with pytest.raises(LogForked, match="and has signed"):
        await asyncio.to_thread(remembered.accept, first, key, lambda *sizes: [])
    lines, older = newest.split("\n"), first.split("\n")
    for at in (1, 2):
        mixed = "\n".join([*lines[:at], older[at], *lines[at + 1 :]])
        with pytest.raises(VerificationError, match="signature by"):
            verify_checkpoint(mixed, key)


async def test_two_histories_shown_to_two_witnesses_are_both_named(
    audit_store: EventStore, restored_store: EventStore, custody: SourceFeed, town: Town, tmp_path: Path
) -> None:
    """Each log that asks the other's witness, or its own again with the other history, is refused by that one's name.

    What both witnesses have seen are two notes of one key: whoever has both has the proof.
    """
    async with running(audit_store, [custody], policy=town.policy("quorum ada\n")) as one:
        town.down("bob")
        await append_reads(one, 4)
        await one.publish()
        town.up("bob")
        town.down("ada")
        async with running(restored_store, [custody], policy=town.policy("quorum bob\n")) as other:
            await append_reads(other, 6)
            await other.publish()
            town.up("ada")
            for log, name in ((one, "bob"), (other, "ada")):
                await append_reads(log, 1)
                with pytest.raises(LogRolledBack) as refused:
                    await log.sign_checkpoint()
                assert refused.value.metadata["witness"] == name
            notes = [await checkpoint_of(log) for log in (one, other)]
        async with running(restored_store, [custody], policy=town.policy("quorum ada\n")) as again:
            await append_reads(again, 3)
            with pytest.raises(LogRolledBack) as refused:
                await again.sign_checkpoint()
            assert refused.value.metadata["witness"] == "ada"
    remembered, key = Remembered(tmp_path / "memory"), one.signer.key.text()

    def shown_both() -> None:
        remembered.accept(notes[0], key, lambda *sizes: [])
        with pytest.raises(LogForked):
            remembered.accept(notes[1], key, lambda *sizes: [])
        kept = sorted(file.read_text() for file in remembered.folder.glob("*-*.note"))
        assert kept == sorted(notes)

    await asyncio.to_thread(shown_both)
