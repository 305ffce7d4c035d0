"""Merkle proofs checked the way RFC 9162 §2.1 writes them, independently of the service that made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from ringfence_verifier.errors import VerificationError

HASH_BYTES = 32
MAX_SIZE = (1 << 63) - 1
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Hashes one leaf (RFC 9162 §2.1.1)."""
    return sha256(b"\x00" + leaf).digest()


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Checks that a leaf hash stands at `index` in the tree of `size` leaves with `root` (RFC 9162 §2.1.3.2).

    Raises VerificationError where it does not.
    """
    if not 0 <= index < size:
        raise VerificationError(f"leaf {index} lies outside a tree of {size}")
    _require_size(size)
    _require_hashes([leaf_hash, root, *proof])
    node, last, result = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise VerificationError("the inclusion proof is too long")
        if node & 1 or node == last:
            result = _node(sibling, result)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = _node(result, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise VerificationError("the inclusion proof is too short")
    if result != root:
        raise VerificationError("the inclusion proof does not lead to the root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Checks that the tree of `new_size` extends the tree of `old_size` (RFC 9162 §2.1.4.2).

    Raises VerificationError where it does not. Equal sizes and size 0 take an empty proof.
    """
    if not 0 <= old_size <= new_size:
        raise VerificationError(f"a log of {new_size} cannot extend one of {old_size}")
    _require_size(new_size)
    _require_hashes([old_root, new_root, *proof])
    if old_size in (0, new_size):
        _verify_trivial(old_size, old_root, new_size, new_root, proof)
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not proof:
        raise VerificationError("the consistency proof is empty")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError("the consistency proof is too long")
        if node & 1 or node == last:
            old_result, new_result = _node(sibling, old_result), _node(sibling, new_result)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new_result = _node(new_result, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise VerificationError("the consistency proof is too short")
    if old_result != old_root or new_result != new_root:
        raise VerificationError("the consistency proof does not lead to both roots")


class TreeHash:
    """Computes the tree head of a stream of leaves with one hash a level (RFC 9162 §2.1.2)."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []

    @classmethod
    def restored(cls, size: int, stack: Sequence[bytes]) -> TreeHash:
        """Goes on from what `stack` gave at a size; raises VerificationError where they do not belong together."""
        _require_size(size)
        _require_hashes(stack)
        if size < 0 or len(stack) != size.bit_count():
            raise VerificationError("the hashes of the tree are not those of its size")
        tree = cls()
        tree.size, tree._stack = size, list(stack)
        return tree

    @property
    def stack(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees that the tree is made of, the largest first."""
        return tuple(self._stack)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Appends leaves in order."""
        for leaf in leaves:
            result = leaf_hash(leaf)
            merges = self.size
            while merges & 1:
                result = _node(self._stack.pop(), result)
                merges >>= 1
            self._stack.append(result)
            self.size += 1

    def root(self) -> bytes:
        """Gives the tree head over all leaves appended so far."""
        if not self._stack:
            return EMPTY_ROOT
        result = self._stack[-1]
        for left in reversed(self._stack[:-1]):
            result = _node(left, result)
        return result


def _verify_trivial(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise VerificationError("nothing needs a proof here, yet there is one")
    if (old_size == 0 and old_root != EMPTY_ROOT) or (old_size == new_size and old_root != new_root):
        raise VerificationError("the roots contradict the sizes")


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _require_size(size: int) -> None:
    if size > MAX_SIZE:
        raise VerificationError("the tree is larger than any checkpoint may say")


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise VerificationError("a hash does not have 32 bytes")
