"""Refusals that few meet: each malformed thing is refused by the text that says what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ringfence_verifier import VerificationError, verify_state
from ringfence_verifier.cosignature import ML_DSA_44, cosigned_message, keys_of_logs
from ringfence_verifier.dossier.container import MAX_ENTRIES, pack
from ringfence_verifier.dossier.evidence import sizes_of
from ringfence_verifier.dossier.shown import verify_shown
from ringfence_verifier.dossier.stretch import MAX_STRETCH_BYTES, hashes_between, verify_stretch
from ringfence_verifier.key_succession import KeySuccession, LogKey
from ringfence_verifier.log import LogSummary
from ringfence_verifier.mirror.store import Held, MirrorDamaged, Store
from ringfence_verifier.note import Checkpoint
from ringfence_verifier.tiles import ProvenTiles, tile_path

from . import dossiers as made
from .mirrors import Log
from .notes import ORIGIN, Signer, path, tree_hash
from .refused import SIGNER

STRETCH, PAGE = made.stretch(0, 20), made.page_of(1, 2)
NOTE = {"stretch": len(b"ringfence-stretch/1\n") + 20, "page": len(b"ringfence-shown/1\n") + 4}
"""Where the note begins, after the numbers before it and its own length."""


def changed(content: bytes, at: int, by: bytes) -> bytes:
    """The same with other bytes in one place."""
    return content[:at] + by + content[at + len(by) :]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ringfence-stretch/2\n" + STRETCH[20:], "no stretch of a log"),
        (STRETCH + bytes(MAX_STRETCH_BYTES), "no stretch of a log"),
        (STRETCH[:-1], "cut short"),
        (STRETCH[:30], "cut short"),
        (STRETCH + b"\0", "after its end"),
        (changed(STRETCH, 28, bytes(8)), "of no leaf"),
        (changed(STRETCH, 28, b"\x7f" * 8), "more than it has"),
        (changed(STRETCH, NOTE["stretch"], b"\xff"), "not UTF-8"),
    ],
)
def test_what_is_no_stretch_is_refused(content: bytes, said: str) -> None:
    """Of another kind, too long, cut short, with more behind it, of no leaf, or with a note that is no text."""
    with pytest.raises(VerificationError, match=said):
        verify_stretch(content, SIGNER.vkey)


def test_paths_of_another_tree_make_no_stretch() -> None:
    """A path has as many hashes as the tree is deep there."""
    leaves = [b"%d" % number for number in range(9)]
    first, last = path(1, leaves), path(4, leaves)
    assert hashes_between(1, first, 4, last, 9)
    with pytest.raises(VerificationError, match="another length"):
        hashes_between(1, first[:-1], 4, last, 9)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ringfence-shown/2\n" + PAGE[18:], "no page of facts"),
        (PAGE[:-1], "cut short"),
        (changed(PAGE, NOTE["page"], b"\xff"), "not UTF-8"),
        (changed(PAGE, NOTE["page"] + int.from_bytes(PAGE[18:22], "big"), b"\x7f"), "more facts than it has"),
    ],
)
def test_what_is_no_page_is_refused(content: bytes, said: str) -> None:
    """Of another kind, cut short, with a note that is no text, or of more facts than it has bytes."""
    with pytest.raises(VerificationError, match=said):
        verify_shown(content, SIGNER.vkey)


def test_a_container_has_bounds() -> None:
    """More files than a dossier may have are not packed."""
    with pytest.raises(ValueError, match="so large"):
        pack([(f"{number:06}", b"") for number in range(MAX_ENTRIES + 1)])


def test_two_checkpoints_of_a_size_are_of_one_log() -> None:
    """Each size once, ascending; another root under the same size is another history."""
    one, two = Checkpoint(ORIGIN, 1, bytes(32), ()), Checkpoint(ORIGIN, 2, bytes(32), ())
    assert sizes_of([two, one, two]) == [one, two]
    with pytest.raises(VerificationError, match="of different logs"):
        sizes_of([one, Checkpoint(ORIGIN, 1, b"\x01" * 32, ())])


def test_names_that_cannot_be_signed_for_are_refused() -> None:
    """Longer than a byte counts: of a log, and of a cosigner by ML-DSA-44."""
    long = "l" * 256
    with pytest.raises(VerificationError, match="longer than what can be signed for"):
        keys_of_logs([Signer(long).vkey])
    with pytest.raises(VerificationError, match="too long"):
        cosigned_message(ML_DSA_44, long, 1, "text", Checkpoint(ORIGIN, 1, bytes(32), ()))


def test_a_log_is_followed_from_a_key_that_it_names() -> None:
    """From the key that is given on, which then has signed from the first leaf; another is none of this log's."""
    keys = tuple(LogKey(Signer(seed=bytes([number]) * 32).vkey, 10 * number) for number in range(3))
    summary = LogSummary(40, bytes(32), {}, ())
    assert summary.keys_from(keys[1].vkey) == KeySuccession.of(keys[1].vkey)
    named = replace(summary, keys=keys)
    assert [key.first for key in named.keys_from(keys[1].vkey).keys] == [0, 20]
    with pytest.raises(VerificationError, match="other keys"):
        named.keys_from(Signer(seed=b"\x09" * 32).vkey)


def test_a_state_is_of_its_checkpoint() -> None:
    """Its receipt verifies, and it is the last leaf; one further down is that of an older checkpoint."""
    log = Log()
    log.grow(2)
    newest = made.receipt_in(log.leaves, len(log.leaves) - 1, log.signer)
    checkpoint, state = verify_state(newest, log.signer.vkey)
    assert state.size == checkpoint.size - 1
    older = len(log.leaves) - 1
    log.grow(1)
    with pytest.raises(VerificationError, match="not of the checkpoint"):
        verify_state(made.receipt_in(log.leaves, older, log.signer), log.signer.vkey)


def test_a_tile_outside_of_the_log_is_asked_of_nobody() -> None:
    """Neither one of hashes that come later, nor of a level that the log has not reached."""
    log, asked = Log(), list[str]()
    size = log.grow(150)

    def read(level: int, index: int, width: int) -> bytes:
        asked.append(tile_path(level, index, width))
        return log.get(asked[-1]) or b""

    tiles = ProvenTiles(size, tree_hash(log.leaves), read)
    asked.clear()
    for level, index, width in ((0, 1, size - 255), (0, 2, 1), (1, 0, 2), (2, 0, 1)):
        with pytest.raises(VerificationError, match="outside of the log"):
            tiles.tile(level, index, width)
    assert asked == []


def test_a_mirror_takes_no_entries_out_of_turn(tmp_path: Path) -> None:
    """Those before them are missed by number; what was never taken is not given either."""
    Store.make(tmp_path)
    store = Store(tmp_path)
    with pytest.raises(VerificationError, match="from 0 to 5 are missing"):
        store.append(ORIGIN, 5, [b"a leaf"])
    with pytest.raises(MirrorDamaged, match="not held whole"):
        list(store.leaves(ORIGIN, 0, 5))
    assert store.append(ORIGIN, 0, [b"a leaf"]) == 1
    with pytest.raises(MirrorDamaged, match="not held whole"):
        list(store.leaves(ORIGIN, 0, 2))


def test_of_two_cosigned_checkpoints_the_larger_stays(tmp_path: Path) -> None:
    """Whichever is finished last."""
    Store.make(tmp_path)
    store = Store(tmp_path)
    larger, smaller = Held(2, b"\x02" * 32, "note", "line"), Held(1, b"\x01" * 32, "note", "line")
    store.cosign(ORIGIN, larger)
    store.cosign(ORIGIN, smaller)
    assert store.cosigned(ORIGIN) == larger
