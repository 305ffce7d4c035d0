"""Checkpoints and receipts as C2SP writes them."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_audit.log.application.checkpointer import Checkpointer
from ringfence_audit.log.domain.checkpoint import Checkpoint, NoteKey, SourceHead, note_heads
from ringfence_audit.log.domain.receipt import receipt
from ringfence_kernel.rpc.refusals import NotLeader

ROOT = bytes(range(32))


def test_the_note_text_has_one_line_a_fact_and_sources_by_name() -> None:
    """Origin, size, root, then one extension line a source in order of its name."""
    heads = (SourceHead("identity", 1, 3, ROOT), SourceHead("custody", 2, 9, bytes(32)))
    assert Checkpoint("log.example/ringfence", 5, ROOT, heads).text() == (
        "log.example/ringfence\n5\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "source custody 2 9 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "source identity 1 3 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    )


def test_a_published_key_and_checkpoint_are_reproduced(foreign_data: Callable[[str], Path]) -> None:
    """From a real log's public key and signature come its very vkey text and its very checkpoint file."""
    tiles = foreign_data("merkle/tlog-tiles")
    vkey = (tiles / "KEY.txt").read_text().split('"')[1]
    note = (tiles / "checkpoint.3").read_text()
    origin, size, root = note.split("\n")[:3]
    signature = b64decode(note.split(" ")[-1])[4:]
    key = NoteKey(origin, b64decode(vkey.split("+", 2)[2])[1:])
    assert key.text() == vkey
    assert key.signed(Checkpoint(origin, int(size), b64decode(root)).text(), signature) == note


def test_a_signed_note_verifies_with_the_key_in_its_vkey() -> None:
    """The signature line holds the key id and a signature over exactly the text above the empty line."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = NoteKey("log.example/ringfence", private.public_key().public_bytes_raw())
    text = Checkpoint(key.name, 0, ROOT).text()
    note = key.signed(text, private.sign(text.encode()))
    body, line = note[: -len(note.rpartition("\n\n")[2]) - 1], note.rpartition("\n\n")[2]
    content = b64decode(line.removeprefix(f"\u2014 {key.name} "))
    assert content[:4].hex() == key.text().split("+")[1]
    private.public_key().verify(content[4:], body.encode())


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_names_that_no_note_may_have_are_refused(name: str) -> None:
    """A key's name is neither empty nor has spaces or a plus sign (C2SP signed-note)."""
    with pytest.raises(ValueError, match="name a note key"):
        NoteKey(name, bytes(32))


def test_a_receipt_is_a_tlog_proof_with_its_leaf() -> None:
    """Header, the leaf as extra data, index, proof hashes, an empty line, then the checkpoint verbatim."""
    assert receipt(b"leaf", 2, [ROOT], "checkpoint\n") == (
        "c2sp.org/tlog-proof@v1\nextra bGVhZg==\nindex 2\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\ncheckpoint\n"
    )


def test_source_heads_are_read_back_from_a_note() -> None:
    """What the extension lines say comes back as it was, sorted by name."""
    heads = (SourceHead("identity", 1, 3, ROOT), SourceHead("custody", 2, 9, bytes(32)))
    note = NoteKey("log.example", bytes(32)).signed(Checkpoint("log.example", 5, ROOT, heads).text(), bytes(64))
    assert note_heads(note) == (heads[1], heads[0])


async def test_checkpoints_come_once_a_period_however_long_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a checkpoint takes is part of its period; one that takes longer leaves a moment before the next."""
    now, takes, slept = [0.0], [0.0, 0.4, 3.0], list[float]()

    async def sign() -> None:
        now[0] += takes[len(slept)]

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        if len(slept) == len(takes):
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await Checkpointer(sign, lambda: False, clock=lambda: now[0]).run()
    assert slept == [1.0, 0.6, 0.25]


async def test_whoever_stands_by_waits_for_no_checkpoint() -> None:
    """Leadership ends while a checkpoint is refused for that very reason: who does not sign any more is well."""

    async def sign() -> None:
        raise NotLeader

    checkpointer = Checkpointer(sign, lambda: False)
    signing = asyncio.create_task(checkpointer.run())
    await asyncio.sleep(0.01)
    while_leading = await checkpointer.problem()
    signing.cancel()
    await asyncio.gather(signing, return_exceptions=True)
    assert (while_leading, await checkpointer.problem()) == ("checkpoints wait: NOT_LEADER", None)
    assert checkpointer.age_seconds() == 0
