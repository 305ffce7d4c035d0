"""A dict for millions: ids to records of one width, in flat memory.

A million ids with 80 bytes each take about 220 MB as bytes in a dict, and as many objects to make anew at a start. Here
ids and rows lie in two columns, one after the other, beside an open hash table of their numbers: about 110 MB, saved
and restored as they are.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from hashlib import sha256
from struct import Struct
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.values.sections import Buffer

DefaultT = TypeVar("DefaultT")
ValueT = TypeVar("ValueT")

DIGEST_ROWS = 65_536
SMALLEST_BITS = 3
WORD_BITS = 128
WORD_MASK = (1 << WORD_BITS) - 1
FREE = 0
MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
"""Odd, with bits in no order: each gives a hash of its own."""


class PackedMap(MutableMapping[bytes, ValueT]):
    """Maps ids of 16 bytes to records; a journal takes its changes back as those of any mapping.

    A slot holds the number of a row plus one; a collision goes to the next slot, and removing closes the gap (Knuth,
    vol. 3, section 6.4, algorithm R). The hash multiplies by a random odd number (Dietzfelbinger et al. 1997), so that
    nobody who does not know it can choose ids that collide.
    """

    __slots__ = ("_ids", "_layout", "_multiplier", "_opened", "_packed", "_rows", "_shift", "_slots")

    def __init__(
        self, layout: Struct, packed: Callable[[ValueT], tuple[Any, ...]], opened: Callable[..., ValueT]
    ) -> None:
        """Starts empty. `packed` gives the fields of a row; `opened` takes the id and those fields."""
        self._layout, self._packed, self._opened = layout, packed, opened
        self._ids, self._rows = bytearray(), bytearray()
        self._multiplier = int.from_bytes(os.urandom(ID_BYTES), "little") | 1
        self._make_slots(SMALLEST_BITS)

    def __len__(self) -> int:
        """Returns how many ids there are."""
        return len(self._ids) // ID_BYTES

    def __iter__(self) -> Iterator[bytes]:
        """Yields the ids, in no order that means anything."""
        return (bytes(self._ids[at : at + ID_BYTES]) for at in range(0, len(self._ids), ID_BYTES))

    def __contains__(self, key: object) -> bool:
        """Tells whether the id is there."""
        return isinstance(key, bytes) and self._slots[self._find(key)] != FREE

    def __getitem__(self, key: bytes) -> ValueT:
        """Returns the record of an id; raises KeyError."""
        return self._record(key, self._number(key))

    @overload
    def get(self, key: bytes, default: None = None, /) -> ValueT | None: ...

    @overload
    def get(self, key: bytes, default: ValueT | DefaultT, /) -> ValueT | DefaultT: ...

    def get(self, key: bytes, default: Any = None, /) -> Any:
        """Returns the record of an id, or the default; half the cost of asking first."""
        number = self._slots[self._find(key)]
        return default if number == FREE else self._record(key, number - 1)

    def __setitem__(self, key: bytes, record: ValueT) -> None:
        """Sets the record of an id; raises ValueError for an id of another length."""
        if len(key) != ID_BYTES:
            raise ValueError(f"an id has 16 bytes, not {len(key)}")
        row, slot = self._layout.pack(*self._packed(record)), self._find(key)
        if number := self._slots[slot]:
            self._rows[(number - 1) * len(row) : number * len(row)] = row
            return
        self._ids += key
        self._rows += row
        self._slots[slot] = len(self)
        if 2 * len(self) > len(self._slots):
            self._make_slots(WORD_BITS - self._shift + 1)

    def __delitem__(self, key: bytes) -> None:
        """Removes an id, whose place the last one takes; raises KeyError."""
        number, last, width = self._number(key), len(self) - 1, self._layout.size
        self._close(self._find(key))
        if number != last:
            moved = self._id(last)
            self._slots[self._find(moved)] = number + 1
            self._ids[number * ID_BYTES : (number + 1) * ID_BYTES] = moved
            self._rows[number * width : (number + 1) * width] = self._rows[last * width :]
        del self._ids[last * ID_BYTES :], self._rows[last * width :]

    def digest(self) -> bytes:
        """Returns a hash of all ids and rows, the same whatever order they came in.

        Every pair is hashed by itself and the hashes are added up: sorting millions would hold up the service.
        """
        ids = np.frombuffer(self._ids, np.uint8).reshape(-1, ID_BYTES)
        rows = np.frombuffer(self._rows, np.uint8).reshape(-1, self._layout.size)
        sums = [0] * len(MULTIPLIERS)
        for start in range(0, len(self), DIGEST_ROWS):
            words = _words(ids[start : start + DIGEST_ROWS], rows[start : start + DIGEST_ROWS])
            for lane, multiplier in enumerate(MULTIPLIERS):
                sums[lane] += int(_mixed(words, multiplier).sum())
        content = (each & WORD_MASK for each in (len(self), *sums))
        return sha256(b"".join(each.to_bytes(16, "big") for each in content)).digest()

    def save(self, name: str) -> list[tuple[str, Buffer]]:
        """Returns copies of its columns as sections of a snapshot; whoever changes the layout changes the name."""
        return [
            (f"{name}: multiplier", self._multiplier.to_bytes(ID_BYTES, "little")),
            (f"{name}: ids", bytes(self._ids)),
            (f"{name}: rows", bytes(self._rows)),
            (f"{name}: slots", self._slots.tobytes()),
        ]

    def restore(self, name: str, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises LookupError or ValueError, unchanged, for what is of another shape."""
        ids, rows = sections[f"{name}: ids"], sections[f"{name}: rows"]
        slots, multiplier = array("I", bytes(sections[f"{name}: slots"])), sections[f"{name}: multiplier"]
        if (
            len(multiplier) != ID_BYTES
            or len(rows) * ID_BYTES != len(ids) * self._layout.size
            or len(slots) * ID_BYTES < 2 * len(ids)
        ):
            raise ValueError(f"{name}: columns of different lengths")
        self._ids, self._rows, self._slots = bytearray(ids), bytearray(rows), slots
        self._multiplier = int.from_bytes(multiplier, "little")
        self._shift = WORD_BITS - (len(slots).bit_length() - 1)

    def _number(self, key: bytes) -> int:
        number = self._slots[self._find(key)]
        if number == FREE:
            raise KeyError(key)
        return number - 1

    def _id(self, number: int) -> bytes:
        return bytes(self._ids[number * ID_BYTES : (number + 1) * ID_BYTES])

    def _record(self, key: bytes, number: int) -> ValueT:
        return self._opened(key, *self._layout.unpack_from(self._rows, number * self._layout.size))

    def _home(self, key: bytes) -> int:
        return (int.from_bytes(key, "little") * self._multiplier & WORD_MASK) >> self._shift

    def _find(self, key: bytes) -> int:
        """Returns the slot of an id, or the free one where it would go."""
        slots, ids = self._slots, self._ids
        mask, slot = len(slots) - 1, self._home(key)
        while number := slots[slot]:
            if ids[(number - 1) * ID_BYTES : number * ID_BYTES] == key:
                break
            slot = slot + 1 & mask
        return slot

    def _close(self, gap: int) -> None:
        """Frees a slot, and moves up what came to stand behind it only because it was taken."""
        mask, slot = len(self._slots) - 1, gap
        while number := self._slots[slot := slot + 1 & mask]:
            if (slot - self._home(self._id(number - 1)) & mask) >= (slot - gap & mask):
                self._slots[gap], gap = number, slot
        self._slots[gap] = FREE

    def _make_slots(self, bits: int) -> None:
        """Makes a table of 2^bits slots, with everybody in it."""
        self._shift = WORD_BITS - bits
        self._slots = array("I", bytes(4 << bits))
        for number, key in enumerate(self, start=1):
            self._slots[self._find(key)] = number


def ids_to_ids() -> PackedMap[bytes]:
    """Returns an empty map from ids to ids."""
    return PackedMap(Struct("16s"), lambda value: (value,), lambda key, value: value)


def _words(ids: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Returns ids and rows side by side as words of 64 bits, one column of words after the other."""
    width = ids.shape[1] + rows.shape[1]
    padded = np.zeros((len(ids), -(-width // 8) * 8), np.uint8)
    padded[:, : ids.shape[1]] = ids
    padded[:, ids.shape[1] : width] = rows
    return np.ascontiguousarray(padded.view("<u8").T)


def _mixed(words: NDArray[np.uint64], multiplier: np.uint64) -> NDArray[np.uint64]:
    """Returns a hash of each row; every step is a bijection, so a word that differs gives another hash."""
    mixed = np.full(words.shape[1], multiplier)
    for word in words:
        mixed = (mixed ^ word) * multiplier
        mixed ^= mixed >> np.uint64(32)
    return mixed
