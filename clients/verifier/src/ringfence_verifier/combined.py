"""One proof for many leaves of a Merkle tree (docs/formats.md, combined proof)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import pairwise

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.proofs import HASH_BYTES, MAX_SIZE

Nodes = Mapping[tuple[int, int], bytes]
"""Hashes of subtrees by the first leaf in them and the one behind their last."""


def verify_combined(proven: Sequence[tuple[int, bytes]], size: int, hashes: Sequence[bytes], root: bytes) -> Nodes:
    """Checks that leaf hashes stand at their indexes, which ascend, in the tree of `size` leaves with `root`.

    Gives the hashes of all subtrees that the proof goes through. Raises VerificationError where it does not hold, or
    where a hash of it is missing, left over or not 32 bytes.
    """
    indexes = [index for index, _ in proven]
    if not 0 < size <= MAX_SIZE or not indexes or not 0 <= indexes[0] <= indexes[-1] < size:
        raise VerificationError("a proven leaf lies outside of the tree")
    if any(one >= other for one, other in pairwise(indexes)):
        raise VerificationError("the proven leaves are not in order, each once")
    if any(len(each) != HASH_BYTES for each in (root, *hashes, *(leaf for _, leaf in proven))):
        raise VerificationError("a hash does not have 32 bytes")
    rest = iter(hashes)
    nodes = dict[tuple[int, int], bytes]()

    def node(start: int, end: int, first: int, last: int) -> bytes:
        """Hashes the subtree over start..end, in which `proven[first:last]` stand; at most 63 levels deep."""
        if first == last:
            given = next(rest, None)
            if given is None:
                raise VerificationError("the combined proof is too short")
            found = given
        elif end - start == 1:
            found = proven[first][1]
        else:
            middle = _middle(start, end)
            cut = bisect_left(indexes, middle, first, last)
            left = node(start, middle, first, cut)
            found = sha256(b"\x01" + left + node(middle, end, cut, last)).digest()
        nodes[start, end] = found
        return found

    found = node(0, size, 0, len(indexes))
    if next(rest, None) is not None:
        raise VerificationError("the combined proof is too long")
    if found != root:
        raise VerificationError("the combined proof does not lead to the root")
    return nodes


def path_in(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Gives the audit path (RFC 9162 §2.1.3) of a leaf that a combined proof has proven, from its subtrees' hashes."""
    path, start, end = list[bytes](), 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            path.append(nodes[middle, end])
            end = middle
        else:
            path.append(nodes[start, middle])
            start = middle
    return path[::-1]


def _middle(start: int, end: int) -> int:
    return int(start + (1 << (end - start - 1).bit_length() - 1))
