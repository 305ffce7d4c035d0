"""The log's key is changed with an overlap, and each step is a fact of the log that the old key has signed for."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from ringfence.remembered import LogForked, Remembered
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.adapters.ordering_rotation import CannotRotate, order_rotation
from ringfence_audit.log.domain.checkpoint import Checkpoint, NoteKey
from ringfence_audit.log.domain.errors import SigningKeyMissing
from ringfence_audit.log.domain.events import EVENTS, KeyRecorded, leaves_of
from ringfence_audit.log.domain.merkle import Frontier, leaf_hashes
from ringfence_audit.log.domain.refilling import events_again
from ringfence_audit.log.domain.state import State
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import (
    KeySuccession,
    LogAudit,
    LogKey,
    VerificationError,
    read_leaf,
    verify_checkpoint,
    verify_key_succession,
    verify_log,
)

from .conftest import ORIGIN, Audit, KeysAway, running
from .feeds import SourceFeed
from .test_audit_log import append_reads, fill, stored_leaves
from .test_audit_snapshots import saved
from .test_audit_state_leaf import sign_in_first_format

CONTEXT: Any = None
DAY_SECONDS, YEARS_NS = 86_400, 10 * 366 * 86_400 * 10**9


async def order(audit: Audit, key: NoteKey, overlap_seconds: int = DAY_SECONDS) -> str:
    """Does what `rotate-key` does; returns the vkey."""
    public_key = b64encode(key.public_key).decode()
    return await asyncio.to_thread(order_rotation, audit.store, ORIGIN, public_key, overlap_seconds)


async def sign(audit: Audit, reads: int = 1) -> str:
    """Has the log grow and be signed; returns the checkpoint."""
    await append_reads(audit, reads)
    await audit.publish()
    return (await shown(audit)).checkpoint


async def shown(audit: Audit) -> audit_pb2.GetCheckpointResponse:
    """Returns what a reader who polls is given."""
    return await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)


def wait(audit: Audit) -> None:
    """Lets years pass."""
    assert isinstance(audit.writer.clock, ManualClock)
    audit.writer.clock.advance(YEARS_NS)


def signers(note: str) -> list[str]:
    """Returns the key ids of a note's lines, in order."""
    lines = note.partition("\n\n")[2].splitlines()
    return [b64decode(line.rpartition(" ")[2])[:4].hex() for line in lines]


def key_leaves(store: EventStore) -> list[tuple[str, int]]:
    """Returns the kinds and indexes of the leaves about keys."""
    events = [each.event for each in store.replay(EventCodec(EVENTS)) if isinstance(each.event, KeyRecorded)]
    return [(read_leaf(each.leaf).kind, each.first_leaf) for each in events]


async def rotated(audit: Audit) -> tuple[NoteKey, NoteKey, list[str]]:
    """Changes the key from beginning to end; returns both, and a checkpoint of before, of the overlap and of after."""
    await sign(audit)
    old, new = audit.signer.key, audit.signer.add(b"n" * 32)
    await order(audit, old)  # what signs already is no rotation
    before = await sign(audit)
    await order(audit, new)
    during = await sign(audit)
    wait(audit)
    return old, new, [before, during, await sign(audit)]


async def test_both_keys_sign_for_a_while_and_then_the_new_one_alone(audit: Audit) -> None:
    """A version in Vault signs nothing until it is announced; announcement and end are leaves."""
    old, new, notes = await rotated(audit)
    ids = [old.key_id.hex(), new.key_id.hex()]
    assert [signers(note) for note in notes] == [ids[:1], ids, ids[1:]]
    during, after = verify_checkpoint(notes[1], old.text()), verify_checkpoint(notes[2], new.text())
    (kind, announced), (ended_kind, ended) = key_leaves(audit.store)
    assert (kind, ended_kind) == ("audit.key.v1", "audit.key_ended.v1")
    assert announced < during.size <= ended < after.size
    leaf = read_leaf(stored_leaves(audit.store)[announced])
    assert (leaf.text("vkey"), leaf.text("previous"), leaf.integer("size")) == (new.text(), old.text(), announced)
    assert leaf.integer("until_ns") - leaf.integer("time_ns") == DAY_SECONDS * 10**9


async def test_who_knows_the_old_key_alone_follows(audit: Audit) -> None:
    """From the receipts that come with any checkpoint, and from the leaves: both say the same; a later key as well."""
    old, new, notes = await rotated(audit)
    reply = await shown(audit)
    keys, relied = verify_key_succession(reply.key_receipts, old.text())
    assert [each.vkey for each in keys.keys] == [old.text(), new.text()]
    assert relied == (notes[1], notes[2])
    checked = keys.verify_checkpoint(reply.checkpoint)
    summary = verify_log(stored_leaves(audit.store), checked)
    assert summary.keys_from(old.text()) == keys
    assert summary.keys_from(new.text()).keys == (LogKey(new.text()),)
    third = audit.signer.add(b"t" * 32)
    await order(audit, third, 0)
    for _ in range(3):
        await sign(audit)
    reply = await shown(audit)
    for known in (old, new, third):
        followed, _ = verify_key_succession(reply.key_receipts, known.text())
        assert followed.newest == third.text()
        assert followed.verify_checkpoint(reply.checkpoint).size == audit.log.frontier.size
    with pytest.raises(VerificationError, match="name other keys"):
        verify_log(stored_leaves(audit.store), checked).keys_from(third.text())


async def test_a_rotation_of_no_overlap_has_the_old_key_sign_once_more(audit: Audit) -> None:
    """Its end is never before it has signed over the announcement: else nobody could follow."""
    await sign(audit)
    old, new = audit.signer.key, audit.signer.add(b"n" * 32)
    await order(audit, new, 0)
    audit.anchor.away = True
    for _ in range(3):
        with pytest.raises(KeysAway):
            await sign(audit)
    audit.anchor.away = False
    both, alone = await sign(audit), await sign(audit)
    assert [len(signers(each)) for each in (both, alone)] == [2, 1]
    keys, _ = verify_key_succession((await shown(audit)).key_receipts, old.text())
    assert keys.newest == new.text()


async def test_a_further_rotation_ends_the_overlap_that_is_under_way(audit: Audit) -> None:
    """Of three keys two sign at most, however soon the next is ordered."""
    await sign(audit)
    old, new, third = audit.signer.key, audit.signer.add(b"n" * 32), audit.signer.add(b"t" * 32)
    await order(audit, new)
    await sign(audit)
    await order(audit, third)
    ids = [each.key_id.hex() for each in (old, new, third)]
    assert [signers(await sign(audit)) for _ in range(3)] == [ids[1:2], ids[1:], ids[1:]]
    keys, _ = verify_key_succession((await shown(audit)).key_receipts, old.text())
    assert [each.vkey for each in keys.keys] == [old.text(), new.text(), third.text()]


async def test_what_cannot_sign_is_not_announced(audit: Audit) -> None:
    """A key that Vault does not have, or that was one of the log's before: the one that signs goes on, with no leaf."""
    old, new, _ = await rotated(audit)
    for wrong in (NoteKey(ORIGIN, bytes(range(32))), old):
        await order(audit, wrong)
        assert signers(await sign(audit)) == [new.key_id.hex()]
    assert len(key_leaves(audit.store)) == 2
    await order(audit, new)
    assert audit.log.ordered is not None
    await sign(audit)
    assert audit.log.ordered is None


async def test_an_order_that_cannot_be_carried_out_leaves_the_overlap_alone(audit: Audit) -> None:
    """A mistyped key, the old one, one that Vault cannot sign by: both go on; the newest takes such an order back."""
    await sign(audit)
    old, new = audit.signer.key, audit.signer.add(b"n" * 32)
    await order(audit, new)
    await sign(audit)
    both = [old.key_id.hex(), new.key_id.hex()]
    unusable = NoteKey(ORIGIN, bytes(range(32)))
    for wrong in (unusable, old):
        await order(audit, wrong)
        assert [signers(await sign(audit)) for _ in range(2)] == [both, both]
        assert audit.log.ordered is not None
    audit.signer.keys.append(unusable)  # Vault lists it, and fails
    await order(audit, unusable)
    assert signers(await sign(audit)) == both
    await order(audit, new)
    assert signers(await sign(audit)) == both
    assert audit.log.ordered is None
    assert [kind for kind, _ in key_leaves(audit.store)] == ["audit.key.v1"]


async def test_an_order_that_comes_meanwhile_is_looked_at_first(audit: Audit) -> None:
    """One that replaces another while that is tried in Vault does not pass for it."""
    await sign(audit)
    await order(audit, audit.signer.add(b"n" * 32))
    await append_reads(audit, 1)
    vkeys = audit.signer.vkeys

    async def ordered_meanwhile() -> dict[bytes, str]:
        await order(audit, NoteKey(ORIGIN, bytes(range(32))))
        return await vkeys()

    audit.signer.vkeys = ordered_meanwhile  # type: ignore[method-assign]
    assert signers(await sign(audit)) == [audit.signer.key.key_id.hex()]
    assert key_leaves(audit.store) == []


async def test_rotation_outlives_the_process(audit: Audit, custody: SourceFeed, tmp_path: Path) -> None:
    """Ended between any two steps: the next one, from a snapshot or from events, goes on; a rebuild agrees."""
    await sign(audit)
    old, new = audit.signer.key, audit.signer.add(b"n" * 32)
    await order(audit, new)
    file = SnapshotFile(tmp_path, "audit")
    expected = [2, 2, 1]
    for number in range(3):
        start = file if number else None
        async with running(audit.store, [custody], start, anchor=audit.anchor, signer=audit.signer) as again:
            if number == 2:
                wait(again)
            assert len(signers(await sign(again))) == expected[number]
            await saved(again, file)
            digest = again.writer.state.digest()
    async with running(audit.store, [custody], file, anchor=audit.anchor, signer=audit.signer) as restored:
        assert (restored.replayed, restored.writer.state.digest()) == (0, digest)
    async with running(audit.store, [custody], anchor=audit.anchor, signer=audit.signer) as replayed:
        assert replayed.writer.state.digest() == digest
        keys, _ = verify_key_succession((await shown(replayed)).key_receipts, old.text())
        assert keys.newest == new.text()
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_a_key_that_vault_has_no_more_stops_the_signing(audit: Audit) -> None:
    """It says so, and signs with no other: readers pin the one that was announced."""
    await rotated(audit)
    audit.signer.keys.pop()
    await append_reads(audit, 1)
    with pytest.raises(SigningKeyMissing):
        await audit.sign_checkpoint()


async def test_only_a_log_that_is_carried_over_rotates(audit: Audit, restored_store: EventStore) -> None:
    """What the release before could read stays so; nor is there a rotation in a log that has signed nothing."""
    key = audit.signer.add(b"n" * 32)
    with pytest.raises(CannotRotate, match="has signed nothing"):
        await order(audit, key)
    await append_reads(audit, 1)
    audit.signer.keys.pop()
    await sign_in_first_format(audit)
    head = audit.store.head()
    with pytest.raises(CannotRotate, match="carry it over first"):
        await order(audit, key)
    for wrong, seconds, said in (
        ("", 0, "not an Ed25519 key"),
        (b64encode(bytes(31)).decode(), 0, "not an Ed25519 key"),
        (b64encode(bytes(32)).decode(), -1, "to a year"),
        (b64encode(bytes(32)).decode(), 400 * DAY_SECONDS, "to a year"),
    ):
        with pytest.raises(CannotRotate, match=said):
            await asyncio.to_thread(order_rotation, audit.store, ORIGIN, wrong, seconds)
    assert audit.store.head() == head


async def test_a_log_that_is_put_back_signs_by_the_same_keys(audit: Audit) -> None:
    """From its leaves alone, as a mirror has them: keys and lapses are in them, only old checkpoints are not."""
    old, new, _ = await rotated(audit)
    await append_lapse(audit, "ada")
    again, leaves = State(ORIGIN), stored_leaves(audit.store)
    assert [leaf for each in events_again(again, leaves, 0) for leaf in leaves_of(each.event)] == leaves
    assert (again.signing_ids, again.lapsed) == ((new.key_id,), audit.log.lapsed)
    assert [each.previous for each in again.rotations] == [old.text()]
    assert again.rotations[0].last_note == ""
    await append_lapse(audit)
    list(events_again(again, stored_leaves(audit.store)[len(leaves) :], 0))
    assert again.lapsed is audit.log.lapsed is None


async def append_lapse(audit: Audit, *missing: str) -> None:
    """Has the log own up to a lapse, or end it."""
    await audit.writer.commit(
        lambda unit: unit.record(audit.log.stream, audit.log.append_lapse(missing, unit.recorded_ns)[0])
    )


async def test_a_stolen_old_key_is_named_by_who_has_followed(audit: Audit, tmp_path: Path) -> None:
    """What it has signed stays good; beyond its end, and before its successor was announced, no key is believed."""
    old, new, notes = await rotated(audit)
    remembered = Remembered(tmp_path)

    async def path(old_size: int, new_size: int) -> list[bytes]:
        request = audit_pb2.GetConsistencyProofRequest(from_size=old_size, to_size=new_size)
        return list((await audit.servicer.GetConsistencyProof(request, CONTEXT)).path)

    loop = asyncio.get_running_loop()

    def prove(old_size: int, new_size: int) -> list[bytes]:
        return asyncio.run_coroutine_threadsafe(path(old_size, new_size), loop).result()

    async def accept(note: str, vkey: str, receipts: list[str]) -> Checkpoint:
        return await asyncio.to_thread(remembered.accept, note, vkey, prove, receipts)

    assert (await accept(notes[0], old.text(), [])).size < (await accept(notes[1], old.text(), [])).size
    # Who missed the announcement and is given no receipts believes nothing that the old key has not signed.
    with pytest.raises(VerificationError, match="is not signed by"):
        await accept(notes[2], old.text(), [])
    reply = await shown(audit)
    assert (await accept(reply.checkpoint, old.text(), list(reply.key_receipts))).size == audit.log.frontier.size
    assert remembered.keys(ORIGIN, old.text()).newest == new.text()
    # By the new key too, and nothing has to be followed again.
    assert (await accept(reply.checkpoint, new.text(), [])).size == audit.log.frontier.size
    await append_reads(audit, 3)
    head = Checkpoint(ORIGIN, audit.log.frontier.size, audit.log.frontier.root())
    by_thief = await audit.signer.sign(head.text(), [old.key_id])
    with pytest.raises(VerificationError, match=r"which has ended at \d+: somebody else may have that key"):
        await accept(by_thief, old.text(), list(reply.key_receipts))
    by_new = await audit.signer.sign(verify_text(notes[0]), [new.key_id])
    with pytest.raises(VerificationError, match="before it was announced"):
        await accept(by_new, new.text(), [])
    in_overlap = await audit.signer.sign(verify_text(notes[1]), [old.key_id])
    with pytest.raises(VerificationError, match=r"is not signed by .*, which was announced before"):
        await accept(in_overlap, old.text(), [])
    with pytest.raises(VerificationError, match="none of those"):
        await accept(reply.checkpoint, NoteKey(ORIGIN, bytes(32)).text(), list(reply.key_receipts))
    assert remembered.newest(ORIGIN, old.text()) is not None


def verify_text(note: str) -> str:
    """Returns what a note signs."""
    return note.partition("\n\n")[0] + "\n"


async def test_a_successor_in_another_history_is_a_fork(audit: Audit, custody: SourceFeed, tmp_path: Path) -> None:
    """Receipts under a checkpoint that what is shown does not extend are kept beside it as evidence."""
    old, new, _ = await rotated(audit)
    reply = await shown(audit)
    remembered = Remembered(tmp_path)
    leaves = [*stored_leaves(audit.store)[:-1], b"another"]
    frontier, _ = Frontier().extended(leaf_hashes(leaves))
    other = await audit.signer.sign(Checkpoint(ORIGIN, len(leaves), frontier.root()).text(), [new.key_id])

    def fork() -> None:
        with pytest.raises(LogForked):
            remembered.accept(other, old.text(), lambda *sizes: [], list(reply.key_receipts))
        assert len(list(tmp_path.glob("*-*.note"))) == 2
        assert remembered.newest(ORIGIN, old.text()) is None

    await asyncio.to_thread(fork)


async def test_leaves_about_keys_that_contradict_are_named(audit: Audit, custody: SourceFeed) -> None:
    """Announced twice, ended twice or by nobody, at another place: whoever reads the whole log finds it."""
    fill(custody)
    await audit.follow(custody)
    await rotated(audit)
    leaves = [leaf for each in audit.store.replay(EventCodec(EVENTS)) for leaf in own_leaves(each.event)]
    (_, announced), (_, ended) = key_leaves(audit.store)

    def read(changed: list[bytes]) -> None:
        reading = LogAudit()
        for leaf in changed:
            reading.add(leaf)

    def refused(changed: list[bytes], said: str) -> None:
        with pytest.raises(VerificationError, match=said):
            read(changed)

    key, end = leaves[announced], leaves[ended]
    refused([*leaves[: announced + 1], key], "of another place")
    refused([*leaves[:announced], *leaves[announced + 1 :]], "states what the log knew at")
    refused([*leaves[: announced + 1], *leaves[announced + 2 :]], "states what the log knew at|of another place")
    again = key.replace(announced.to_bytes(8, "big"), (announced + 1).to_bytes(8, "big"))
    assert again != key
    refused([*leaves[: announced + 1], again], "does not follow the newest")
    twice = end.replace(ended.to_bytes(8, "big"), (ended + 1).to_bytes(8, "big"))
    refused([*leaves[: ended + 1], twice], "or has ended")


def own_leaves(event: Any) -> list[bytes]:
    """Returns the leaves of an event, none where it has none."""
    return leaves_of(event) if hasattr(event, "first_leaf") else []


def test_a_succession_of_one_key_is_that_key() -> None:
    """And what is no key begins none."""
    key = NoteKey(ORIGIN, bytes(range(32))).text()
    assert KeySuccession.of(key).newest == key
    with pytest.raises(VerificationError):
        KeySuccession.of("nonsense")
