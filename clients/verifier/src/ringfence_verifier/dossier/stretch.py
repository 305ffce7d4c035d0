"""A stretch of the log (docs/formats.md, Dossiers): all leaves from one on and before another, with one proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_verifier.combined import Nodes, verify_combined
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession, verify_signed
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint
from ringfence_verifier.proofs import HASH_BYTES, leaf_hash

HEADER = b"ringfence-stretch/1\n"
MAX_STRETCH_BYTES = 3 * 1024 * 1024
_CUT_SHORT = "the stretch is cut short"


@dataclass(frozen=True)
class Stretch:
    """All facts of the log at from_leaf <= index < until_leaf; `nodes` prove each (`combined.path_in`)."""

    from_leaf: int
    until_leaf: int
    checkpoint: Checkpoint
    note: str
    facts: tuple[tuple[int, Fact], ...]
    leaves: tuple[bytes, ...]
    nodes: Nodes


def write_stretch(from_leaf: int, note: str, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> bytes:
    """Writes a stretch from its leaves, their combined proof and the checkpoint that it leads to."""
    signed = note.encode()
    until = from_leaf + len(leaves)
    head = HEADER + from_leaf.to_bytes(8, "big") + until.to_bytes(8, "big") + len(signed).to_bytes(4, "big") + signed
    sized = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
    return head + sized + len(hashes).to_bytes(2, "big") + b"".join(hashes)


def hashes_between(
    first: int, first_path: Sequence[bytes], last: int, last_path: Sequence[bytes], size: int
) -> list[bytes]:
    """Gives the combined proof of all leaves from one to another, both included, from the audit paths of those two."""
    left = [each for each, is_left in _sides(first, first_path, size) if is_left]
    right = [each for each, is_left in _sides(last, last_path, size) if not is_left]
    return left[::-1] + right


def verify_stretch(content: bytes, key: str | KeySuccession) -> Stretch:
    """Checks a stretch offline with the log's key, or all keys that it was followed to; raises VerificationError."""
    if len(content) > MAX_STRETCH_BYTES or not content.startswith(HEADER):
        raise VerificationError("it is no stretch of a log")
    at = len(HEADER)

    def take(length: int) -> bytes:
        nonlocal at
        if at + length > len(content):
            raise VerificationError(_CUT_SHORT)
        at += length
        return content[at - length : at]

    def number(length: int) -> int:
        return int.from_bytes(take(length), "big")

    from_leaf, until_leaf = number(8), number(8)
    if not from_leaf < until_leaf or until_leaf - from_leaf > len(content):
        raise VerificationError("it is of no leaf, or of more than it has")
    try:
        note = take(number(4)).decode()
    except UnicodeDecodeError:
        raise VerificationError("the note is not UTF-8") from None
    checkpoint = verify_signed(note, key)
    leaves = [take(number(2)) for _ in range(from_leaf, until_leaf)]
    hashes = [take(HASH_BYTES) for _ in range(number(2))]
    if at != len(content):
        raise VerificationError("something stands after its end")
    proven = [(from_leaf + number, leaf_hash(leaf)) for number, leaf in enumerate(leaves)]
    nodes = verify_combined(proven, checkpoint.size, hashes, checkpoint.root)
    facts = tuple((from_leaf + number, read_leaf(leaf)) for number, leaf in enumerate(leaves))
    return Stretch(from_leaf, until_leaf, checkpoint, note, facts, tuple(leaves), nodes)


def _sides(index: int, path: Sequence[bytes], size: int) -> list[tuple[bytes, bool]]:
    """Tells of each hash of an audit path whether it stands to the left."""
    sides, start, end = list[bool](), 0, size
    while end - start > 1:
        middle = int(start + (1 << (end - start - 1).bit_length() - 1))
        sides.append(index >= middle)
        start, end = (middle, end) if index >= middle else (start, middle)
    if len(sides) != len(path):
        raise VerificationError("the inclusion proof is of another length")
    return list(zip(path, reversed(sides), strict=True))
