"""Proof cases and a tiled log that others published: every file of them passes through the verifier."""

from __future__ import annotations

import json
from base64 import b64decode
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest
from ringfence_verifier import (
    Checkpoint,
    VerificationError,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
    verify_receipt,
)
from ringfence_verifier.proofs import TreeHash, leaf_hash

from .notes import base64, consistency, path

SIZES = range(8)


@pytest.fixture(scope="module")
def tiles(merkle_data: Path) -> Path:
    """The tiled log, at each of its first sizes."""
    return merkle_data / "tlog-tiles"


@pytest.fixture(scope="module")
def vkey(tiles: Path) -> str:
    """Its key."""
    return (tiles / "KEY.txt").read_text().split('"')[1]


@pytest.fixture(scope="module")
def checkpoints(tiles: Path, vkey: str) -> list[Checkpoint]:
    """Its checkpoints by size, verified."""
    return [verify_checkpoint(_note(tiles, size), vkey) for size in SIZES]


def test_no_file_is_left_out(merkle_data: Path, tiles: Path) -> None:
    """What the tests here read is all that lies in the folder."""
    cases = set((merkle_data / "rfc6962").rglob("*.json"))
    partial = {tiles / "tile" / kind / "000.p" / str(size) for kind in ("0", "entries") for size in SIZES if size}
    log = {tiles / f"checkpoint.{size}" for size in SIZES} | {tiles / "KEY.txt"} | partial
    assert {file for file in merkle_data.rglob("*") if file.is_file()} == cases | log | {merkle_data / "README.md"}


def test_proof_cases_get_their_verdict(merkle_data: Path) -> None:
    """Every inclusion and consistency case is accepted or refused as its wantErr says."""
    cases = {str(file): json.loads(file.read_text()) for file in (merkle_data / "rfc6962").rglob("*.json")}
    assert len(cases) == 92
    assert [name for name, case in cases.items() if _accepted(case) is case["wantErr"]] == []


@pytest.mark.parametrize("size", SIZES)
def test_entries_lead_to_tile_and_checkpoint(size: int, tiles: Path, checkpoints: list[Checkpoint]) -> None:
    """The entries of each size hash to its level-0 tile, and lead to the root that its checkpoint signs."""
    entries, tree = _entries(tiles, size), TreeHash()
    tree.extend(entries)
    hashes = (tiles / "tile" / "0" / "000.p" / str(size)).read_bytes() if size else b""
    assert b"".join(map(leaf_hash, entries)) == hashes
    assert (checkpoints[size].size, checkpoints[size].root) == (tree.size, tree.root()) == (size, tree.root())


def test_every_entry_has_a_receipt_at_every_size(tiles: Path, vkey: str) -> None:
    """A receipt made of a published entry, its path and a published checkpoint is proven offline."""
    for size in SIZES:
        entries = _entries(tiles, size)
        for index, entry in enumerate(entries):
            hashes = [base64(each) for each in path(index, entries)]
            lines = ["c2sp.org/tlog-proof@v1", f"extra {base64(entry)}", f"index {index}", *hashes, ""]
            proven = verify_receipt("\n".join([*lines, _note(tiles, size)]), vkey)
            assert (proven.leaf, proven.index, proven.checkpoint.size) == (entry, index, size)


def test_every_checkpoint_extends_those_before(tiles: Path, checkpoints: list[Checkpoint]) -> None:
    """Each pair of published checkpoints is consistent by its own proof, and by none that has one hash more."""
    entries = _entries(tiles, SIZES[-1])
    for old, new in combinations_with_replacement(checkpoints, 2):
        proof = consistency(old.size, entries[: new.size]) if old.size else []
        verify_consistency(old.size, old.root, new.size, new.root, proof)
        with pytest.raises(VerificationError):
            verify_consistency(old.size, old.root, new.size, new.root, [*proof, new.root])


def _accepted(case: dict[str, Any]) -> bool:
    proof = [b64decode(node) for node in case["proof"] or []]
    try:
        if "leafIdx" in case:
            leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
            verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
        else:
            verify_consistency(case["size1"], b64decode(case["root1"]), case["size2"], b64decode(case["root2"]), proof)
    except VerificationError:
        return False
    return True


def _note(tiles: Path, size: int) -> str:
    return (tiles / f"checkpoint.{size}").read_text()


def _entries(tiles: Path, size: int) -> list[bytes]:
    bundle, at, found = (tiles / "tile" / "entries" / "000.p" / str(size)).read_bytes() if size else b"", 0, []
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        found.append(bundle[at + 2 : end])
        at = end
    return found
