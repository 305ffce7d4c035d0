"""The leaf under every checkpoint that states what the log knows, and logs of the format before it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.adapters.carrying_over import carry_over
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.events import EVENTS, Growth, StateRecorded, leaves_of
from ringfence_audit.log.domain.merkle import leaf_hashes
from ringfence_audit.log.domain.state import HEADS_IN_LEAVES, HEADS_IN_LINES, State
from ringfence_audit.log.domain.state_leaf import IndexHead, statable
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import VerificationError, verify_checkpoint, verify_consistency, verify_log, verify_state

from .conftest import ORIGIN, Audit, KeysAway, running
from .feeds import SourceFeed
from .index import reference
from .test_audit_log import append_reads, fill, stored_leaves
from .test_audit_snapshots import saved

CONTEXT: Any = None


async def sign_in_first_format(audit: Audit) -> str:
    """Has the log's head signed as the releases before did: a line for each source, no leaf."""
    head = audit.log.frontier
    checkpoint = Checkpoint(ORIGIN, head.size, head.root(), tuple(audit.log.heads.values()))
    note = await audit.signer.sign(checkpoint.text())
    await audit.anchoring.advance(checkpoint)
    await audit.sign_checkpoint.record(checkpoint, note)
    return note


def states_of(store: EventStore) -> list[StateRecorded]:
    """Returns the states that the log has recorded."""
    return [each.event for each in store.replay(EventCodec(EVENTS)) if isinstance(each.event, StateRecorded)]


async def test_a_checkpoint_is_over_what_the_log_knew(audit: Audit, custody: SourceFeed) -> None:
    """Its last leaf names every source's head, and comes with the checkpoint as a receipt that proves it."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    reply = await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    checkpoint, state = verify_state(reply.state_receipt, audit.signer.key.text())
    assert len(reply.checkpoint.split("\n\n")[0].split("\n")) == 3
    assert checkpoint == verify_checkpoint(reply.checkpoint, audit.signer.key.text())
    assert (state.size, checkpoint.source_heads) == (checkpoint.size - 1, ())
    assert [(each.source, each.epoch, each.position, each.hash) for each in state.source_heads] == [
        ("custody", 1, 4, custody.events[-1].hash)
    ]
    assert [(each.source, each.position) for each in reply.source_heads] == [("custody", 4)]
    assert (state.index_size, state.index_root) == (state.size, reference.root(stored_leaves(audit.store)[:-1]))
    assert (state.books_size, state.books_root, state.policy_sha256) == (0, bytes(32), b"")


async def test_a_log_states_nothing_while_nothing_is_new(audit: Audit, custody: SourceFeed) -> None:
    """A state is no news: a log that has grown by nothing else signs nothing, and states nothing."""
    fill(custody)
    await audit.follow(custody)
    for _ in range(3):
        await audit.publish()
    assert len(states_of(audit.store)) == 1


async def test_while_the_key_is_away_one_state_is_enough(audit: Audit, custody: SourceFeed) -> None:
    """What was stated and not signed is signed later as it is, by the next process too."""
    fill(custody)
    await audit.follow(custody)
    audit.signer.sealed = True
    for _ in range(3):
        with pytest.raises(KeysAway):
            await audit.sign_checkpoint()
    async with running(audit.store, [custody], anchor=audit.anchor) as again:
        await again.publish()
        assert again.log.signed is not None
        assert again.log.signed.size == again.log.frontier.size
    assert len(states_of(audit.store)) == 1


async def test_leaves_that_come_between_are_under_the_next_state(audit: Audit) -> None:
    """A head is signed as it was stated, however far the log is by then."""
    await append_reads(audit, 1)
    audit.signer.sealed = True
    with pytest.raises(KeysAway):
        await audit.sign_checkpoint()
    stated = audit.log.checkpoint()
    await append_reads(audit, 2)
    audit.signer.sealed = False
    await audit.sign_checkpoint.record(stated, await audit.signer.sign(stated.text()))
    assert audit.log.signed is not None
    assert (audit.log.signed.size, audit.log.frontier.size) == (2, 4)
    assert audit.log.signed.state_leaf == leaves_of(states_of(audit.store)[0])[0]
    await audit.publish()
    assert [each.first_leaf for each in states_of(audit.store)] == [1, 4]


async def test_a_log_of_the_first_format_goes_on_in_it(audit: Audit, custody: SourceFeed) -> None:
    """Until it is carried over, the release before can take it back: nothing is in it that it cannot read."""
    fill(custody)
    await audit.follow(custody)
    await sign_in_first_format(audit)
    await append_reads(audit, 2)
    await audit.publish()
    assert (audit.log.format, states_of(audit.store)) == (HEADS_IN_LINES, [])
    assert not audit.passing.note.may_record
    reply = await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    checkpoint = verify_checkpoint(reply.checkpoint, audit.signer.key.text())
    assert ([head.position for head in checkpoint.source_heads], reply.state_receipt) == ([4], "")
    verify_log(stored_leaves(audit.store), checkpoint)


async def test_a_log_that_is_carried_over_goes_on_from_what_it_has_signed(
    audit: Audit, custody: SourceFeed, tmp_path: Path
) -> None:
    """One command; the tree and its old checkpoints stay, a process that serves meanwhile goes on, a snapshot too."""
    fill(custody)
    await audit.follow(custody)
    old = verify_checkpoint(await sign_in_first_format(audit), audit.signer.key.text())
    await append_reads(audit, 1)
    assert await asyncio.to_thread(carry_over, audit.store)
    assert not await asyncio.to_thread(carry_over, audit.store)
    await append_reads(audit, 1)
    await audit.publish()
    assert audit.log.format == HEADS_IN_LEAVES
    reply = await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
    new, state = verify_state(reply.state_receipt, audit.signer.key.text())
    assert [head.position for head in state.source_heads] == [4]
    request = audit_pb2.GetConsistencyProofRequest(from_size=old.size, to_size=new.size)
    path = (await audit.servicer.GetConsistencyProof(request, CONTEXT)).path
    verify_consistency(old.size, old.root, new.size, new.root, list(path))
    leaves = stored_leaves(audit.store)
    assert verify_log(leaves, old).source_heads == verify_log(leaves, new).source_heads
    assert not await asyncio.to_thread(carry_over, audit.store)
    file = SnapshotFile(tmp_path, "audit")
    await saved(audit, file)
    async with running(audit.store, [custody], file) as again:
        assert again.replayed == 0
        assert again.writer.state.digest() == audit.writer.state.digest()
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_a_log_of_the_first_format_without_any_source_is_known_as_one(audit: Audit) -> None:
    """Its checkpoints have no line that would tell: it verifies, and is carried over like others."""
    await append_reads(audit, 3)
    old = verify_checkpoint(await sign_in_first_format(audit), audit.signer.key.text())
    await append_reads(audit, 1)
    assert (audit.log.format, old.source_heads) == (HEADS_IN_LINES, ())
    verify_log(stored_leaves(audit.store), old)
    assert await asyncio.to_thread(carry_over, audit.store)
    assert not await asyncio.to_thread(carry_over, audit.store)


async def test_a_log_without_anything_has_nothing_to_carry_over(audit: Audit) -> None:
    """A new log is of this format from its first checkpoint on."""
    assert not await asyncio.to_thread(carry_over, audit.store)
    await append_reads(audit, 1)
    await audit.publish()
    assert not await asyncio.to_thread(carry_over, audit.store)
    assert audit.log.format == HEADS_IN_LEAVES


async def test_a_log_that_lies_about_what_it_knew_is_refused(audit: Audit, custody: SourceFeed) -> None:
    """A state that names another head, or size, or is left out, does not verify; nor does one among a page's leaves."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    honest = stored_leaves(audit.store)

    def verdict(leaves: list[bytes]) -> None:
        frontier, _ = State(ORIGIN).frontier.extended(leaf_hashes(leaves))
        text = Checkpoint(ORIGIN, len(leaves), frontier.root()).text()
        note = asyncio.run(audit.signer.sign(text))
        verify_log(leaves, verify_checkpoint(note, audit.signer.key.text()))

    def refused(leaves: list[bytes], match: str) -> None:
        with pytest.raises(VerificationError, match=match):
            verdict(leaves)

    def lies() -> None:
        verdict(honest)
        refused(honest[:-1], "not over a leaf that states")
        refused([*honest[:-1], honest[-1].replace(custody.events[-1].hash, bytes(32))], "source heads that it states")
        refused([*honest, honest[-1]], "states what the log knew at")
        refused([honest[-1], *honest[:-1]], "states what the log knew at")
        state = State(ORIGIN)
        state.frontier, _ = state.frontier.extended(leaf_hashes(honest[:1]))
        early = state.append_state(1)[0].leaf
        refused([honest[0], early, *honest[1:]], "among leaves that belong to no page")

    await asyncio.to_thread(lies)


def test_what_makes_the_log_grow_is_one_list() -> None:
    """Every event with leaves is among those that tables, index and tests are filled from."""
    assert {each for each in EVENTS if "first_leaf" in each.__slots__} == set(Growth.__args__)


@pytest.mark.parametrize(
    ("index_size", "size", "states"),
    [(5, 4, 0), (5, 5, 5), (5, 65_541, 5), (5, 65_542, 0), (256, 10**7, 256), (257, 10**7, 0), (512, 512, 512)],
)
def test_no_index_is_stated_that_nobody_could_compute_again(index_size: int, size: int, states: int) -> None:
    """Ahead of the log, or within a bundle and later than readers hold postings for, it is not vouched for."""
    assert statable(IndexHead(index_size, bytes(32)), size).size == states
