"""Stretches of the log: all that it took over between two times, with one proof for each piece of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ringfence_verifier import KeySuccession, read_leaf, verify_receipt
from ringfence_verifier.dossier import hashes_between, write_stretch
from ringfence_verifier.receipt import path_of
from ringfence_verifier.state import STATE_KIND

from ringfence.audit import Audit, Leaf

PIECE_BYTES = 2 * 1024 * 1024
"""Of leaves: with proof and checkpoint a piece is of no more than 3 MiB."""
_AT_ONCE = 256
_TRIES = 20


class PeriodOpen(Exception):
    """The log shows no state from after the period: not yet, or not to a reader of some platforms alone."""


@dataclass(frozen=True)
class Stretches:
    """Reads stretches of a log as far as a checkpoint of `size` leaves, by the keys that it was followed to."""

    audit: Audit
    keys: KeySuccession
    size: int

    def between(self, from_ns: int, until_ns: int) -> list[tuple[bytes, str]]:
        """All leaves from the last state not after a time to the first not before another, and under which checkpoint.

        In pieces, each with the checkpoint that it is proven by. Raises PeriodOpen, VerificationError.
        """
        first, last = self._state_before(from_ns), self._state_from(until_ns)
        return [self._piece(leaves) for leaves in _in_pieces(self.audit.leaves(first, last + 1))]

    def _piece(self, leaves: Sequence[Leaf]) -> tuple[bytes, str]:
        """Returns a piece, proven by the receipts of its first and last leaf, which are of one checkpoint."""
        for _ in range(_TRIES):
            ends = [self.audit.receipt(leaves[at].index).proof for at in (0, -1)]
            notes = [each.partition("\n\n")[2] for each in ends]
            if notes[0] == notes[1]:
                break
        first, last = (verify_receipt(each, self.keys) for each in ends)
        paths = [path_of(each) for each in ends]
        hashes = hashes_between(first.index, paths[0], last.index, paths[1], first.checkpoint.size)
        return write_stretch(first.index, notes[0], [each.content for each in leaves], hashes), notes[0]

    def _state_before(self, time_ns: int) -> int:
        """Returns the last leaf of a state that is not after a time, 0 where there is none."""
        low, high = 0, self.size
        while high - low > 1:
            middle = (low + high) // 2
            found = self._next_state(middle)
            if found is None or found[1] > time_ns:
                high = middle
            else:
                low = found[0]
        return low

    def _state_from(self, time_ns: int) -> int:
        """Returns the first leaf of a state that is not before a time."""
        found = self._next_state(self._state_before(time_ns - 1))
        while found is not None and found[1] < time_ns:
            found = self._next_state(found[0] + 1)
        if found is None:
            raise PeriodOpen(
                "the log shows no state from after that time: ask again later, and with a grant of all platforms"
            )
        return found[0]

    def _next_state(self, index: int) -> tuple[int, int] | None:
        """Returns the first state from a leaf on, and its time; None where none follows."""
        for start in range(index, self.size, _AT_ONCE):
            for leaf in self.audit.leaves(start, min(start + _AT_ONCE, self.size)):
                fact = read_leaf(leaf.content)
                if fact.kind == STATE_KIND:
                    return leaf.index, fact.integer("time_ns")
        return None


def _in_pieces(leaves: Iterable[Leaf]) -> Iterator[list[Leaf]]:
    found, length = list[Leaf](), 0
    for each in leaves:
        if found and length + len(each.content) > PIECE_BYTES:
            yield found
            found, length = [], 0
        found.append(each)
        length += len(each.content) + 2
    if found:
        yield found
