"""Trees of RFC 6962 over given hashes: their heads, and proofs that are combined for several leaves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_HEAD = sha256(b"").digest()

Heads = Callable[[int, int], bytes]
"""Gives the head of the subtree over the leaves from a start to an end."""


def tree_head(hashes: bytes) -> bytes:
    """Gives the head over hashes of leaves, one after the other (RFC 6962 §2.1); over none, SHA-256 of nothing.

    Neighbours are paired, and the last of an odd row goes up as it is: the same tree as splitting at powers of two.
    """
    while len(hashes) > HASH_BYTES:
        paired = len(hashes) - len(hashes) % (2 * HASH_BYTES)
        nodes = [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, paired, 64)]
        hashes = b"".join([*nodes, hashes[paired:]])
    return hashes or EMPTY_HEAD


def combined_proof(leaves: int, proven: Sequence[int], head: Heads) -> list[bytes]:
    """Gives the heads of the widest subtrees that hold none of the proven leaves, left to right.

    `proven` are indexes, ascending, each once and below `leaves`, one at least. With the hashes of those leaves they
    give the head of the tree; for one leaf they are those of its audit path (RFC 6962 §2.1.1).
    """
    return list(_proof(0, leaves, proven, head))


def _proof(start: int, end: int, proven: Sequence[int], head: Heads) -> Iterator[bytes]:
    at = bisect_left(proven, start)
    if at == len(proven) or proven[at] >= end:
        yield head(start, end)
    elif end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        yield from _proof(start, middle, proven, head)
        yield from _proof(middle, end, proven, head)
