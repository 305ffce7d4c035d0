"""One proof for many leaves of a Merkle tree (docs/formats.md, combined proof)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.proofs import HASH_BYTES, MAX_SIZE


def verify_combined(proven: Sequence[tuple[int, bytes]], size: int, hashes: Sequence[bytes], root: bytes) -> None:
    """Checks that leaf hashes stand at their indexes, which ascend, in the tree of `size` leaves with `root`.

    Raises VerificationError where they do not, or where a hash of the proof is missing, left over or not 32 bytes.
    """
    indexes = [index for index, _ in proven]
    if not 0 < size <= MAX_SIZE or not indexes or not 0 <= indexes[0] <= indexes[-1] < size:
        raise VerificationError("a proven leaf lies outside of the tree")
    if any(one >= other for one, other in pairwise(indexes)):
        raise VerificationError("the proven leaves are not in order, each once")
    if any(len(each) != HASH_BYTES for each in (root, *hashes, *(leaf for _, leaf in proven))):
        raise VerificationError("a hash does not have 32 bytes")
    rest = iter(hashes)

    def node(start: int, end: int, first: int, last: int) -> bytes:
        """Hashes the subtree over start..end, in which `proven[first:last]` stand; at most 63 levels deep."""
        if first == last:
            given = next(rest, None)
            if given is None:
                raise VerificationError("the combined proof is too short")
            return given
        if end - start == 1:
            return proven[first][1]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        cut = bisect_left(indexes, middle, first, last)
        left = node(start, middle, first, cut)
        return sha256(b"\x01" + left + node(middle, end, cut, last)).digest()

    found = node(0, size, 0, len(indexes))
    if next(rest, None) is not None:
        raise VerificationError("the combined proof is too long")
    if found != root:
        raise VerificationError("the combined proof does not lead to the root")
