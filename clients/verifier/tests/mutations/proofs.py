"""Inclusion and consistency proofs by the definitions of RFC 6962, over trees of any size, and changes to them."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any

from . import pieces
from .cases import Made

LARGEST = 2**63 - 1
EMPTY = sha256(b"").digest()


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1."""
    return sha256(b"\1" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two smaller than a size of two or more."""
    return 1 << (size - 1).bit_length() - 1


def included(chance: Random, index: int, size: int, leaf: bytes) -> tuple[bytes, list[bytes]]:
    """PATH of RFC 6962 §2.1.1 over a tree whose other leaves nobody knows: its root, and the proof."""
    if size == 1:
        return leaf, []
    left, other = split(size), chance.randbytes(32)
    if index < left:
        root, proof = included(chance, index, left, leaf)
        return node(root, other), [*proof, other]
    root, proof = included(chance, index - left, size - left, leaf)
    return node(other, root), [*proof, other]


def consistent(chance: Random, old: int, size: int, whole: bool = True) -> tuple[bytes, bytes, list[bytes]]:
    """SUBPROOF of RFC 6962 §2.1.2 likewise: the old root, the new one, and the proof."""
    if old == size:
        root = chance.randbytes(32)
        return root, root, [] if whole else [root]
    left, other = split(size), chance.randbytes(32)
    if old <= left:
        before, after, proof = consistent(chance, old, left, whole)
        return before, node(after, other), [*proof, other]
    before, after, proof = consistent(chance, old - left, size - left, False)
    return node(other, before), node(other, after), [*proof, other]


def some_size(chance: Random) -> int:
    """A size, small or large, near a power of two more often than not."""
    size = (1 << chance.randrange(chance.choice((3, 6, 12, 63)))) + chance.choice((-1, 0, 0, 1, 1, 2, 3))
    if chance.random() < 0.4:
        size = chance.randint(1, max(1, size))
    return min(max(size, 1), LARGEST)


def inclusion(chance: Random) -> Made:
    """A proof of inclusion with one or two changes, or none."""
    size = some_size(chance)
    index = chance.choice((0, size - 1, chance.randrange(size)))
    leaf = chance.randbytes(32)
    root, proof = included(chance, index, size, leaf)
    given: dict[str, Any] = {"leaf_hash": leaf, "index": index, "size": size, "proof": proof, "root": root}
    done = [_change(chance, given, ("index", "size"), ("leaf_hash", "root")) for _ in range(_count(chance))]
    return "inclusion", " + ".join(done) or "none", given


def consistency(chance: Random) -> Made:
    """A proof of consistency with one or two changes, or none."""
    size = some_size(chance)
    old = chance.choice((size, max(1, size - 1), chance.randint(1, size), min(size, some_size(chance))))
    old_root, root, proof = consistent(chance, old, size)
    given: dict[str, Any] = {"old_size": old, "size": size, "old_root": old_root, "root": root, "proof": proof}
    if chance.random() < 0.05:  # the empty log, which any other extends
        given |= {"old_size": 0, "old_root": EMPTY, "proof": []}
    done = [_change(chance, given, ("old_size", "size"), ("old_root", "root")) for _ in range(_count(chance))]
    return "consistency", " + ".join(done) or "none", given


def _count(chance: Random) -> int:
    return chance.choices((0, 1, 2), (1, 16, 3))[0]


def _change(chance: Random, given: dict[str, Any], numbers: tuple[str, str], hashes: tuple[str, str]) -> str:
    what = chance.choice((*numbers, *hashes, "proof", "proof", "proof", "swap", "subtree"))
    others = [given[name] for name in numbers] + [2 * len(given["proof"]), 1 << len(given["proof"])]
    known = [*given["proof"], *(given[name] for name in hashes), EMPTY, chance.randbytes(32)]
    if what in numbers:
        given[what] = pieces.number(chance, given[what], others)
    elif what in hashes:
        given[what] = chance.choice((pieces.hash_value(chance, given[what]), chance.choice(known)))
    elif what == "proof":
        given[what] = pieces.listed(chance, given[what], known, lambda value: pieces.hash_value(chance, value))
    elif what == "subtree":
        _take_subtree(given, numbers)
    else:
        names = chance.choice((numbers, hashes))
        given[names[0]], given[names[1]] = given[names[1]], given[names[0]]
        return " and ".join(names) + " swapped"
    return what


def _take_subtree(given: dict[str, Any], numbers: tuple[str, str]) -> None:
    """Says of a proof for the whole tree that it is one for the half below its root, where that has numbers."""
    first, size = (given[name] for name in numbers)
    left = split(max(size, 2))
    given.update(zip(numbers, (first - left, size - left) if first >= left else (first, left), strict=True))
