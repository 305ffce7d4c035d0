"""A log of a new origin in the place of one whose leaves are lost: its first leaf holds what that one signed last."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.adapters.successor import CannotBegin, begin_successor
from ringfence_audit.log.domain.checkpoint import NoteKey
from ringfence_kernel.access.caller import calling
from ringfence_kernel.store import EventStore
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import read_leaf, verify_checkpoint, verify_log, verify_receipt

from .conftest import ORIGIN, Audit, running
from .feeds import SourceFeed
from .test_audit_floods import auditor
from .test_audit_log import append_reads, fill, stored_leaves

ENDED = "log.example/ended"
CONTEXT: Any = None


async def ended_note(audit: Audit) -> tuple[str, str]:
    """Returns a checkpoint of a log of another origin that the same key has signed, and that key."""
    text = f"{ENDED}\n7\n{'A' * 43}=\n"
    key = NoteKey(ENDED, audit.signer.key.public_key)
    note = await audit.signer.sign(text)
    _, _, line = note.rpartition(" ")
    return key.signed(text, b64decode(line)[4:]), key.text()


async def test_a_log_begins_where_another_has_ended(
    audit: Audit, restored_store: EventStore, custody: SourceFeed
) -> None:
    """Its first leaf holds the other's last checkpoint; then it takes over all sources, is proven, read and rebuilt."""
    note, vkey = await ended_note(audit)
    await asyncio.to_thread(begin_successor, restored_store, ORIGIN, note, vkey)
    async with running(restored_store, [custody]) as log:
        fill(custody)
        await log.follow(custody)
        await log.publish()
        with calling(auditor("one")):
            reply = await log.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=0), CONTEXT)
        first = read_leaf(verify_receipt(reply.proof, log.signer.key.text()).leaf)
        assert (first.kind, first.text("checkpoint"), first.integer("size")) == ("audit.succession.v1", note, 7)
        assert log.log.signed is not None
        checked = verify_checkpoint(log.log.signed.note, log.signer.key.text())
        ended = verify_log(stored_leaves(restored_store), checked).predecessor
        assert ended is not None
        assert verify_checkpoint(ended.note, vkey).size == ended.size == 7
        report = await asyncio.to_thread(rebuild, restored_store, ORIGIN, compare=True)
        assert set(report.differences.values()) == {0}
        with pytest.raises(CannotBegin, match="has begun"):
            await asyncio.to_thread(begin_successor, restored_store, ORIGIN, note, vkey)


async def test_only_what_was_verified_is_written(audit: Audit, restored_store: EventStore, custody: SourceFeed) -> None:
    """A file with more in it than a verifier takes, or less at its end, becomes a note that every verifier takes."""
    note, vkey = await ended_note(audit)
    other = "".join(f"\u2014 other.example {'A' * 8}\n" for _ in range(100))
    await asyncio.to_thread(begin_successor, restored_store, ORIGIN, f"{note}{other}no line at all", vkey)
    async with running(restored_store, [custody]):
        first = read_leaf(stored_leaves(restored_store)[0])
        assert first.text("checkpoint") == note
        assert verify_checkpoint(first.text("checkpoint"), vkey).size == 7


async def test_nothing_else_is_succeeded(audit: Audit, restored_store: EventStore) -> None:
    """What another key has signed, what was changed, the log itself, what is no checkpoint: the log stays empty."""
    note, vkey = await ended_note(audit)
    other = NoteKey(ENDED, bytes(32)).text()
    own = (await audit.signer.sign(f"{ORIGIN}\n7\n{'A' * 43}=\n"), audit.signer.key.text())
    for wrong, key, said in (
        (note, other, "not signed by"),
        (note.replace("\n7\n", "\n8\n"), vkey, "not signed by"),
        (note, audit.signer.key.text(), "not signed by"),
        (*own, "does not take its own place"),
        ("", vkey, "no checkpoint"),
        (note.replace("\n7\n", "\n07\n"), vkey, "no checkpoint"),
        (note, vkey.replace(ENDED, "log.example/other"), "no key with its name and id"),
        (note, "nonsense", "not an Ed25519 note key"),
    ):
        with pytest.raises(CannotBegin, match=said):
            await asyncio.to_thread(begin_successor, restored_store, ORIGIN, wrong, key)
    assert restored_store.head().position == 0
    await append_reads(audit, 1)
    with pytest.raises(CannotBegin, match="has begun"):
        await asyncio.to_thread(begin_successor, audit.store, ORIGIN, note, vkey)
