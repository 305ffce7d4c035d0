"""Finds accounts by id, thousands at once: a hash table of numbers, 40 bytes an account at most beside the ids."""

from __future__ import annotations

from secrets import randbits

import numpy as np
from numpy.typing import NDArray

Halves = NDArray[np.uint64]
"""Ids as two numbers each, (n, 2)."""
Rows = NDArray[np.int64]
FEWEST_SLOTS = 64


def halves(ids: bytes) -> Halves:
    """Gives ids, one after the other, as numbers."""
    return np.frombuffer(ids, np.uint64).reshape(-1, 2)


class IdTable:
    """Rows by id, from 1 in order of addition; 0 is nobody.

    Ids are chosen by strangers, so where they fall is decided by numbers drawn here.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._factors = (np.uint64(randbits(64) | 1), np.uint64(randbits(64) | 1))
        self._ids: Halves = np.zeros((FEWEST_SLOTS // 2, 2), np.uint64)
        self._slots: NDArray[np.int32] = np.zeros(FEWEST_SLOTS, np.int32)
        self.count = 0

    def ids(self) -> Halves:
        """Gives all ids in order of their rows."""
        return self._ids[1 : self.count + 1]

    def rows(self, wanted: Halves) -> Rows:
        """Gives the row of each id, 0 where it is unknown."""
        found = np.zeros(len(wanted), np.int64)
        left, slots = np.arange(len(wanted)), self._first_slots(wanted)
        while len(left):
            here = self._slots[slots].astype(np.int64)
            is_it = (self._ids[here] == wanted[left]).all(axis=1) & (here > 0)
            found[left[is_it]] = here[is_it]
            goes_on = ~is_it & (here > 0)
            left, slots = left[goes_on], (slots[goes_on] + 1) & (len(self._slots) - 1)
        return found

    def add(self, new: Halves) -> None:
        """Adds ids that it does not have, each once."""
        first = self.count + 1
        self.count += len(new)
        if self.count >= len(self._ids):
            grown = np.zeros((2 * self.count + FEWEST_SLOTS, 2), np.uint64)
            grown[:first] = self._ids[:first]
            self._ids = grown
        self._ids[first : self.count + 1] = new
        if 2 * self.count >= len(self._slots):
            self._slots = np.zeros(1 << (4 * self.count).bit_length(), np.int32)
            first = 1
        self._insert(np.arange(first, self.count + 1))

    def _insert(self, rows: Rows) -> None:
        slots = self._first_slots(self._ids[rows])
        while len(rows):
            is_free = self._slots[slots] == 0
            self._slots[slots[is_free]] = rows[is_free]
            # Of several that want a slot one has it.
            moves = self._slots[slots] != rows
            rows, slots = rows[moves], (slots[moves] + 1) & (len(self._slots) - 1)

    def _first_slots(self, ids: Halves) -> Rows:
        low, high = self._factors
        mixed = ids[:, 0] * low ^ ids[:, 1] * high
        mixed ^= mixed >> np.uint64(32)
        mixed *= low
        return (mixed >> np.uint64(65 - len(self._slots).bit_length())).astype(np.int64)
