"""Facts that a reader was shown (docs/formats.md, Dossiers): each proven to be in the log, not to be all that there is.

It is what a reader of some platforms has instead of a complete answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_verifier.combined import Nodes, verify_combined
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession, verify_signed
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint
from ringfence_verifier.proofs import HASH_BYTES, leaf_hash

HEADER = b"ringfence-shown/1\n"
MAX_SHOWN_BYTES = 6 * 1024 * 1024
"""A page of a search, with its proof."""


@dataclass(frozen=True)
class Shown:
    """Facts of the log in its order; `nodes` prove each (`combined.path_in`), none prove none."""

    checkpoint: Checkpoint
    note: str
    facts: tuple[tuple[int, Fact], ...]
    leaves: tuple[bytes, ...]
    nodes: Nodes

    @property
    def from_leaf(self) -> int:
        """The first fact that is shown, 0 where none is."""
        return self.facts[0][0] if self.facts else 0

    @property
    def until_leaf(self) -> int:
        """The index after the last fact that is shown."""
        return self.facts[-1][0] + 1 if self.facts else 0


def write_shown(note: str, leaves: Sequence[tuple[int, bytes]], hashes: Sequence[bytes]) -> bytes:
    """Writes leaves with their indexes, their combined proof and the checkpoint that it leads to."""
    signed = note.encode()
    head = HEADER + len(signed).to_bytes(4, "big") + signed + len(leaves).to_bytes(4, "big")
    sized = b"".join(index.to_bytes(8, "big") + len(leaf).to_bytes(2, "big") + leaf for index, leaf in leaves)
    return head + sized + len(hashes).to_bytes(4, "big") + b"".join(hashes)


def verify_shown(content: bytes, key: str | KeySuccession) -> Shown:
    """Checks such facts offline with the log's key, or all keys that it was followed to; raises VerificationError."""
    if len(content) > MAX_SHOWN_BYTES or not content.startswith(HEADER):
        raise VerificationError("it is no page of facts that were shown")
    at = len(HEADER)

    def take(length: int) -> bytes:
        nonlocal at
        if at + length > len(content):
            raise VerificationError("it is cut short")
        at += length
        return content[at - length : at]

    def number(length: int) -> int:
        return int.from_bytes(take(length), "big")

    try:
        note = take(number(4)).decode()
    except UnicodeDecodeError:
        raise VerificationError("the note is not UTF-8") from None
    checkpoint = verify_signed(note, key)
    count = number(4)
    if count > len(content):
        raise VerificationError("it is of more facts than it has")
    leaves = [(number(8), take(number(2))) for _ in range(count)]
    hashes = [take(HASH_BYTES) for _ in range(number(4))]
    if at != len(content):
        raise VerificationError("something stands after its end")
    if not leaves and hashes:
        raise VerificationError("the combined proof is too long")
    proven = [(index, leaf_hash(leaf)) for index, leaf in leaves]
    nodes = verify_combined(proven, checkpoint.size, hashes, checkpoint.root) if leaves else {}
    facts = tuple((index, read_leaf(leaf)) for index, leaf in leaves)
    return Shown(checkpoint, note, facts, tuple(leaf for _, leaf in leaves), nodes)
