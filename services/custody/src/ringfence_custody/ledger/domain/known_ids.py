"""All transfer ids ever seen in a book, in flat arrays.

Ten million ids as bytes in a set take 0.9 GB. Here an id is one 12-byte slot of an open hash table: a fingerprint of 64
bits and the number of the batch it came with. A hit is compared with that batch by the caller; a foreign id with the
same fingerprint costs a look and no more.

Tables never grow: when one is full enough a larger one is begun beside it. Adding never stops the ledger for a rehash,
and the full ones, which never change again, need to be saved only once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ID_BYTES

Prints = NDArray[np.uint64]
Rows = NDArray[np.intp]

FIRST_BITS, BITS_STEP, LAST_BITS = 16, 4, 24
BUCKET_BITS = 3
BUCKET = 1 << BUCKET_BITS
KEYS = 10
FEW = 16
"""Up to so many ids are looked up one by one: starting numpy costs more."""
WORD_MASK, PRINT_MASK = 2**32 - 1, 2**64 - 1


class Fingerprints:
    """Strongly universal hashing of ids to 64 bits (Lemire and Kaser 2014, section 2: multilinear, upper halves).

    The keys are random: nobody who does not know them can choose ids that collide, and two ids do by 1 in 2^64.
    """

    def __init__(self, keys: bytes) -> None:
        """Takes ten keys of 8 bytes."""
        self.keys = keys
        self._arrays = np.frombuffer(keys, "<u8").reshape(2, KEYS // 2)
        self._upper, self._lower = (tuple(map(int, half)) for half in self._arrays)

    def of_all(self, ids: bytes) -> Prints:
        """Returns the fingerprint of each id of a column; never 0."""
        words = np.frombuffer(ids, "<u4").reshape(-1, 4).astype(np.uint64)
        upper, lower = (half[0] + words @ half[1:] for half in self._arrays)
        prints: Prints = upper & np.uint64(PRINT_MASK ^ WORD_MASK) | lower >> np.uint64(32)
        return np.maximum(prints, np.uint64(1))

    def of_one(self, identifier: bytes) -> int:
        """Returns the fingerprint of one id, the same as among others."""
        number = int.from_bytes(identifier, "little")
        a, b, c, d = number & WORD_MASK, number >> 32 & WORD_MASK, number >> 64 & WORD_MASK, number >> 96
        upper, lower = (
            k0 + k1 * a + k2 * b + k3 * c + k4 * d & PRINT_MASK for k0, k1, k2, k3, k4 in (self._upper, self._lower)
        )
        return upper & ~WORD_MASK | lower >> 32 or 1


@dataclass(slots=True)
class Table:
    """A hash table of buckets, a cache line each: eight fingerprints filled from the left, 0 where free.

    A bucket that is full overflows into the next one. Batch numbers stand beside, by slot.
    """

    prints: Prints
    numbers: NDArray[np.uint32]
    used: int = 0

    @classmethod
    def of_bits(cls, bits: int) -> Table:
        """Returns an empty table of 2^bits slots; memory is taken as they fill."""
        return cls(np.zeros(1 << bits, np.uint64), np.zeros(1 << bits, np.uint32))

    @property
    def bits(self) -> int:
        """Returns the binary logarithm of the number of slots."""
        return len(self.prints).bit_length() - 1

    def has_room(self, count: int) -> bool:
        """Tells whether so many more leave enough free slots for short ways."""
        return 8 * (self.used + count) <= 5 * len(self.prints)

    def find(self, prints: Prints) -> tuple[NDArray[np.bool_], Rows]:
        """Returns which fingerprints are there, and where `put` begins: the free slot of one that is not.

        For one that is there, the first slot of its bucket: `put` comes to it before it comes to a free slot.
        """
        homes = (prints >> np.uint64(64 - self.bits + BUCKET_BITS)).astype(np.intp)
        found, taken = self._look(prints, homes)
        going = np.flatnonzero(~found & (taken == BUCKET))
        while len(going):
            homes[going] = homes[going] + 1 & len(self.prints) // BUCKET - 1
            found[going], taken[going] = self._look(prints[going], homes[going])
            going = going[~found[going] & (taken[going] == BUCKET)]
        return found, homes * BUCKET + np.where(found, 0, taken)

    def _look(self, prints: Prints, homes: Rows) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        """Returns which fingerprints are in these buckets, and how many slots of each are taken."""
        there = self.prints.reshape(-1, BUCKET).take(homes, axis=0)
        # The eight flags of a row are eight bytes: read as one number.
        same = (there == prints[:, None]).view(np.uint64)[:, 0]
        return same != 0, np.bitwise_count((there != 0).view(np.uint64)[:, 0])

    def put(self, prints: Prints, slots: Rows, number: int) -> None:
        """Adds fingerprints that differ, each at the slot that `find` gave or after it.

        One that is there keeps its slot and gets this number. All of them count as used.
        """
        table, last = self.prints, len(self.prints) - 1
        self.used += len(prints)
        while len(prints):
            free = np.flatnonzero(table.take(slots) == 0)
            table[slots[free]] = prints[free]
            # Of those that came to one slot at once, the last stays; the others go on.
            placed = table.take(slots) == prints
            self.numbers[slots[placed]] = number
            lost = np.flatnonzero(~placed)
            prints, slots = prints[lost], slots[lost] + 1 & last

    def put_one(self, fingerprint: int, number: int) -> None:
        """Adds a fingerprint, whether it is there or not."""
        slot, last = self._home(fingerprint), len(self.prints) - 1
        while self.prints[slot]:
            slot = slot + 1 & last
        self.prints[slot], self.numbers[slot] = fingerprint, number
        self.used += 1

    def numbers_of(self, fingerprint: int) -> Iterator[int]:
        """Yields the numbers that the fingerprint was added with."""
        slot, last = self._home(fingerprint), len(self.prints) - 1
        while there := int(self.prints[slot]):
            if there == fingerprint:
                yield int(self.numbers[slot])
            slot = slot + 1 & last

    def _home(self, fingerprint: int) -> int:
        return fingerprint >> 64 - self.bits + BUCKET_BITS << BUCKET_BITS


class KnownIds:
    """A multimap from id to batch number, 1 to 2^32 - 1, which may give too much and never too little."""

    def __init__(self, keys: bytes | None = None, tables: Sequence[Table] = ()) -> None:
        """Starts empty under random keys, or with tables that were saved with theirs."""
        self.fingerprints = Fingerprints(keys or os.urandom(8 * KEYS))
        self.tables = list(tables) or [Table.of_bits(FIRST_BITS)]

    def claim(self, ids: bytes, number: int) -> list[int]:
        """Notes the ids as coming with batch `number`; returns the indexes of those that may be known already, rising.

        Those are not noted: whoever finds them new calls `note`. Ids noted for a batch that was never committed stay,
        as false hits.
        """
        count = len(ids) // ID_BYTES
        self._make_room(count)
        if count <= FEW:
            return self._claim_few(ids, count, number)
        prints = self.fingerprints.of_all(ids)
        known = _repeated(prints)
        for table in self.tables[:-1]:
            known |= table.find(prints)[0]
        there, slots = self.tables[-1].find(prints)
        known |= there
        self.tables[-1].put(prints[~known], slots[~known], number)
        suspects: list[int] = np.flatnonzero(known).tolist()
        return suspects

    def _claim_few(self, ids: bytes, count: int, number: int) -> list[int]:
        suspects = []
        for row in range(count):
            fingerprint = self.fingerprints.of_one(ids[row * ID_BYTES : (row + 1) * ID_BYTES])
            if any(True for table in self.tables for _ in table.numbers_of(fingerprint)):
                suspects.append(row)
            else:
                self.tables[-1].put_one(fingerprint, number)
        return suspects

    def add(self, ids: bytes, number: int) -> None:
        """Notes the ids of a committed batch.

        Some may be there already: claimed for a commit that came to nothing or whose outcome was in doubt, or saved in
        a snapshot a moment after its position. They get this number, which is the one that counts: no other batch has
        them.
        """
        self._make_room(len(ids) // ID_BYTES)
        prints, table = self.fingerprints.of_all(ids), self.tables[-1]
        table.put(prints, table.find(prints)[1], number)

    def note(self, ids: Iterable[bytes], number: int) -> None:
        """Notes a few ids as coming with batch `number`, whether they are known or not."""
        for identifier in ids:
            self._make_room(1)
            self.tables[-1].put_one(self.fingerprints.of_one(identifier), number)

    def numbers(self, identifier: bytes) -> list[int]:
        """Returns the numbers of the batches that the id may be in."""
        fingerprint = self.fingerprints.of_one(identifier)
        return [number for table in self.tables for number in table.numbers_of(fingerprint)]

    def _make_room(self, count: int) -> None:
        """Begins a larger table when the last one would be too full."""
        if not self.tables[-1].has_room(count):
            self.tables.append(Table.of_bits(min(self.tables[-1].bits + BITS_STEP, LAST_BITS)))


def _repeated(prints: Prints) -> NDArray[np.bool_]:
    """Returns which fingerprints stand in the batch before."""
    repeated = np.zeros(len(prints), np.bool_)
    rising = np.sort(prints)
    if np.any(rising[1:] == rising[:-1]):
        order = np.argsort(prints, kind="stable")
        rising = prints[order]
        repeated[order[1:][rising[1:] == rising[:-1]]] = True
    return repeated
