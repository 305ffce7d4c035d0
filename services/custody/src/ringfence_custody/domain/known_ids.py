"""All transfer ids ever seen in a book, in one flat array.

Ten million ids as bytes in a set take 0.9 GB. Here an id is one 8-byte slot of an open hash table (16 to 32 bytes an
id): the upper half of its hash and the number of the batch it came with. Upper half and place identify all but one in
some hundred thousand foreign ids, so a hit proves nothing: the caller looks into that batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

FIRST_BITS = 12
QUADRUPLE_UNTIL_BITS = 20
NUMBER_BITS = 32
NUMBER_MASK = 2**NUMBER_BITS - 1
TAG_MASK = ~NUMBER_MASK
MOVED_PER_CLAIM = 8
"""Slots of the old table that move for each id claimed while the table grows: it is done long before the next time."""


class KnownIds:
    """A multimap from id to batch number, 1 to 2^32 - 1, with false hits.

    The hash is Python's own of bytes: SipHash with a key of the process, so nobody can choose ids that collide. Its
    upper bits are the first slot to try; negative ones count from the end of the array, which makes it a ring. The
    table grows when it is half full, a few slots with every batch, so that growing never stops the ledger.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._bits = self._old_bits = FIRST_BITS
        self._table = _slots(FIRST_BITS)
        self._used = 0
        self._old = array("q")
        self._moved = 0

    def claim(self, ids: Sequence[bytes], number: int) -> set[int]:
        """Notes the ids as coming with batch `number`; returns the indexes of those that may be known already.

        Those are not noted: whoever finds them new calls `note`. Ids noted for a batch that was never committed stay,
        as false hits.
        """
        hashes = list(map(hash, ids))
        self._make_room(len(hashes))
        suspects = self._in_old_table(hashes) if self._old else set()
        table, shift, upper = self._table, 64 - self._bits, TAG_MASK
        for index, hashed in enumerate(hashes):
            slot = hashed >> shift
            if table[slot]:
                tag = hashed >> NUMBER_BITS
                while found := table[slot]:
                    if found >> NUMBER_BITS == tag:
                        break
                    slot += 1
                if found:
                    suspects.add(index)
                    continue
            table[slot] = hashed & upper | number
        self._used += len(hashes)
        return suspects

    def note(self, ids: Sequence[bytes], number: int) -> None:
        """Notes ids as coming with batch `number`, whether they are known or not."""
        self._make_room(len(ids))
        self._used += len(ids)
        _put(self._table, self._bits, [hashed & TAG_MASK | number for hashed in map(hash, ids)])

    def numbers(self, identifier: bytes) -> Iterator[int]:
        """Yields the numbers of the batches that the id may be in."""
        hashed = hash(identifier)
        tag = hashed >> NUMBER_BITS
        for table, bits in ((self._table, self._bits), (self._old, self._old_bits)):
            slot = hashed >> 64 - bits
            while table and (found := table[slot]):
                if found >> NUMBER_BITS == tag:
                    yield found & NUMBER_MASK
                slot += 1

    def _in_old_table(self, hashes: list[int]) -> set[int]:
        """Returns the indexes of hashes that hit in the table that is being left."""
        table, shift = self._old, 64 - self._old_bits
        suspects = set()
        for index, hashed in enumerate(hashes):
            slot = hashed >> shift
            while found := table[slot]:
                if found >> NUMBER_BITS == hashed >> NUMBER_BITS:
                    suspects.add(index)
                    break
                slot += 1
        return suspects

    def _make_room(self, count: int) -> None:
        """Moves a few slots of the old table, or begins to leave the table when it is half full."""
        while self._old or 2 * (self._used + count) > 1 << self._bits:
            if not self._old:
                self._old, self._old_bits, self._moved = self._table, self._bits, 0
                self._bits += 2 if self._bits < QUADRUPLE_UNTIL_BITS else 1
                self._table = _slots(self._bits)
            last = min(self._moved + MOVED_PER_CLAIM * count, len(self._old))
            _put(self._table, self._bits, filter(None, self._old[self._moved : last]))
            self._moved = last
            if last < len(self._old):
                return
            self._old = array("q")


def _slots(bits: int) -> array[int]:
    return array("q", bytes(8)) * (1 << bits)


def _put(table: array[int], bits: int, entries: Iterable[int]) -> None:
    shift = 64 - bits
    for entry in entries:
        slot = entry >> shift
        while table[slot]:
            slot += 1
        table[slot] = entry
