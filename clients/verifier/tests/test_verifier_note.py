"""Checkpoints and receipts: what a signature covers, and whose it must be."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import (
    SourceHead,
    VerificationError,
    VerifierKey,
    verify_checkpoint,
    verify_inclusion,
    verify_receipt,
)
from ringfence_verifier.proofs import leaf_hash

from .notes import ORIGIN, Signer, base64, path, tree_hash

LEAVES = [f"leaf {number}".encode() for number in range(7)]
SIGNER = Signer()
HEAD = "source custody 1 12 " + base64(bytes(range(32)))
NOTE = SIGNER.note(ORIGIN, "7", base64(tree_hash(LEAVES)), HEAD)


def receipt(index: int, leaf: bytes | None = None, note: str = NOTE) -> str:
    """Writes a tlog-proof for a leaf of the test log."""
    extra = [] if leaf is None else [f"extra {base64(leaf)}"]
    lines = ["c2sp.org/tlog-proof@v1", *extra, f"index {index}", *map(base64, path(index, LEAVES)), ""]
    return "\n".join(lines) + "\n" + note


def test_source_heads_are_read_from_the_signed_lines() -> None:
    """Extension lines that begin with `source` come back as heads."""
    checkpoint = verify_checkpoint(NOTE, SIGNER.vkey)
    assert checkpoint.source_heads == (SourceHead("custody", 1, 12, bytes(range(32))),)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(0, 7))
def test_any_flipped_bit_in_a_checkpoint_is_found(at: int, bit: int) -> None:
    """Whichever bit of a note changes, it no longer verifies."""
    content = bytearray(NOTE.encode())
    content[at] ^= 1 << bit
    with pytest.raises(VerificationError):
        verify_checkpoint(content.decode("utf-8", "surrogateescape"), SIGNER.vkey)


def test_the_key_comes_from_the_caller() -> None:
    """A note signed by another key under the same name is refused."""
    forger = Signer(seed=bytes([1] * 32))
    with pytest.raises(VerificationError, match="not signed by"):
        verify_checkpoint(forger.note(ORIGIN, "7", base64(tree_hash(LEAVES))), SIGNER.vkey)


def test_signatures_of_unknown_keys_are_ignored() -> None:
    """A witness's signature line beside the log's changes nothing, before or after it."""
    text = NOTE.rpartition("\n\n")[0] + "\n"
    witness = Signer("witness.example", bytes([2] * 32)).line(text)
    own = SIGNER.line(text)
    for lines in (witness + own, own + witness):
        assert verify_checkpoint(f"{text}\n{lines}", SIGNER.vkey).size == 7


def test_a_wrong_signature_under_the_known_key_spoils_the_note() -> None:
    """One bad line with the key's own name and id refuses the note although another line is right."""
    text = NOTE.rpartition("\n\n")[0] + "\n"
    with pytest.raises(VerificationError, match="signature"):
        verify_checkpoint(f"{text}\n{SIGNER.line(text)}{SIGNER.line('other')}", SIGNER.vkey)


def test_the_origin_must_be_the_expected_log() -> None:
    """A checkpoint of another log under the same key is refused unless that origin is asked for."""
    note = SIGNER.note("other.example/log", "0", base64(tree_hash([])))
    with pytest.raises(VerificationError, match="another log"):
        verify_checkpoint(note, SIGNER.vkey)
    assert verify_checkpoint(note, SIGNER.vkey, origin="other.example/log").size == 0


@pytest.mark.parametrize("size", ["07", "-1", "+7", "7 ", "\u0667", "9223372036854775808", ""])
def test_malformed_sizes_are_refused_even_when_signed(size: str) -> None:
    """A size is a plain decimal below 2^63, whoever signed it."""
    with pytest.raises(VerificationError):
        verify_checkpoint(SIGNER.note(ORIGIN, size, base64(tree_hash(LEAVES))), SIGNER.vkey)


def test_no_line_of_a_checkpoint_is_empty() -> None:
    """An empty extension line, or a line too few, is refused although it is signed."""
    root = base64(tree_hash(LEAVES))
    for lines in ((ORIGIN, "7", root, ""), (ORIGIN, "7", root, "", "extension"), (ORIGIN, "7")):
        with pytest.raises(VerificationError, match="lacks a line"):
            verify_checkpoint(SIGNER.note(*lines), SIGNER.vkey)


@pytest.mark.parametrize("extension", ["x" * 1_000_000, "\u20ac" * 333_334])
def test_a_note_is_measured_in_bytes(extension: str) -> None:
    """A note of more than a million bytes is refused, however few characters they are; Go's tlog reads no more."""
    with pytest.raises(VerificationError, match="too long"):
        verify_checkpoint(SIGNER.note(ORIGIN, "7", base64(tree_hash(LEAVES)), extension), SIGNER.vkey)


def test_an_empty_log_has_one_root_only() -> None:
    """A checkpoint of size 0 with any other root than that of no leaves is refused, whoever signed it."""
    with pytest.raises(VerificationError, match="empty"):
        verify_checkpoint(SIGNER.note(ORIGIN, "0", base64(tree_hash(LEAVES))), SIGNER.vkey)


@pytest.mark.parametrize(
    "heads",
    [
        (HEAD, HEAD),
        (HEAD, HEAD.replace(" 12 ", " 13 ")),
        (HEAD, HEAD.replace("custody", "bank")),
        (HEAD.replace("custody", ""),),
        ("source custody 1 12 AAAA",),
        ("source custody 1 012 " + base64(bytes(32)),),
    ],
)
def test_a_source_has_one_head_in_one_place(heads: tuple[str, ...]) -> None:
    """Heads that are repeated, out of order, nameless or no hash are refused, whoever signed them."""
    with pytest.raises(VerificationError):
        verify_checkpoint(SIGNER.note(ORIGIN, "7", base64(tree_hash(LEAVES)), *heads), SIGNER.vkey)


@pytest.mark.parametrize(
    "vkey",
    ["", "name", "name+00000000+", SIGNER.vkey.replace("+", "+0", 1), SIGNER.vkey[:-4] + "AAA=", SIGNER.vkey + "\n"],
)
def test_malformed_keys_are_refused(vkey: str) -> None:
    """A key whose id does not belong to it, or that is no Ed25519 note key, verifies nothing."""
    with pytest.raises(VerificationError):
        VerifierKey.parse(vkey)


def test_a_key_made_from_its_parts_is_the_published_text() -> None:
    """Origin and public key give the vkey text that reads back as the same key."""
    key = VerifierKey.of(ORIGIN, SIGNER.public[1:])
    assert key.text() == SIGNER.vkey
    assert VerifierKey.parse(key.text()) == key


@pytest.mark.parametrize("index", range(7))
def test_a_receipt_proves_the_leaf_it_carries(index: int) -> None:
    """The leaf in the receipt's extra line is proven by the proof below it."""
    verified = verify_receipt(receipt(index, LEAVES[index]), SIGNER.vkey)
    assert (verified.leaf, verified.index, verified.checkpoint.size) == (LEAVES[index], index, 7)


def test_a_receipt_without_its_leaf_takes_the_callers() -> None:
    """Without an extra line the caller's leaf is proven; with neither there is nothing to prove."""
    assert verify_receipt(receipt(3), SIGNER.vkey, leaf=LEAVES[3]).leaf == LEAVES[3]
    with pytest.raises(VerificationError, match="carries no leaf"):
        verify_receipt(receipt(3), SIGNER.vkey)


def test_a_receipt_for_another_leaf_is_refused() -> None:
    """Neither a swapped carried leaf nor another leaf of the caller's passes."""
    with pytest.raises(VerificationError):
        verify_receipt(receipt(3, LEAVES[4]), SIGNER.vkey)
    with pytest.raises(VerificationError, match="another leaf"):
        verify_receipt(receipt(3, LEAVES[3]), SIGNER.vkey, leaf=LEAVES[4])


@pytest.mark.parametrize(
    "line", ["index", "index:0", "index00", "indexes 0", "Index 0", " index 0", "index 0\nindex 0", "extra AA=="]
)
def test_a_receipt_has_one_index_line(line: str) -> None:
    """The line after the leaf begins with `index ` and gives one decimal."""
    with pytest.raises(VerificationError):
        verify_receipt(receipt(0, LEAVES[0]).replace("index 0", line), SIGNER.vkey)


def test_a_receipt_is_measured_before_it_is_read() -> None:
    """A receipt longer than any note is refused for that, whatever it holds."""
    with pytest.raises(VerificationError, match="too long"):
        verify_receipt("x" * 1_000_001, SIGNER.vkey)


def test_a_receipt_has_no_more_hashes_than_a_tree_has_levels() -> None:
    """A path of 64 hashes is refused before any of them is decoded: a tree of less than 2^63 leaves has 63 levels."""
    long = receipt(0, LEAVES[0]).replace("index 0\n", "index 0\n" + "no hash\n" * 61)
    with pytest.raises(VerificationError, match="too long"):
        verify_receipt(long, SIGNER.vkey)


@given(st.data())
def test_any_changed_character_of_a_receipt_is_found(data: st.DataObject) -> None:
    """No single character of a receipt can be replaced by another base64 character or newline unnoticed."""
    text = receipt(5, LEAVES[5])
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from("AQgw0189+/=\n ").filter(lambda value: value != text[at]))
    with pytest.raises(VerificationError):
        verify_receipt(text[:at] + character + text[at + 1 :], SIGNER.vkey)


@given(st.text(max_size=400))
def test_hostile_text_is_refused_with_the_verifiers_own_error(text: str) -> None:
    """Whatever the text, the verifier answers VerificationError and nothing else."""
    for hostile in (text, "c2sp.org/tlog-proof@v1\n" + text, receipt(0, LEAVES[0]).replace("index 0", text)):
        if hostile != receipt(0, LEAVES[0]):
            with pytest.raises(VerificationError):
                verify_receipt(hostile, SIGNER.vkey)
    with pytest.raises(VerificationError):
        VerifierKey.parse(text + "+" + b64encode(text.encode("utf-8", "replace")).decode())


def test_verify_inclusion_is_what_a_receipt_rests_on() -> None:
    """The bare proof function agrees with the receipt on the same leaf."""
    verify_inclusion(leaf_hash(LEAVES[2]), 2, 7, path(2, LEAVES), tree_hash(LEAVES))
