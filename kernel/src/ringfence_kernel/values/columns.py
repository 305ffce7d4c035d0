"""Packed columns: one value per row, big-endian, so that an event of thousands of rows costs a few objects."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable

from ringfence_kernel.values.ids import ID_BYTES

_SWAP = sys.byteorder == "little"


def pack(typecode: str, values: Iterable[int]) -> bytes:
    """Returns the values as big-endian integers of an `array` type code: H 2, I 4, Q 8 bytes unsigned; i 4 signed."""
    column = array(typecode, values)
    if _SWAP:
        column.byteswap()
    return column.tobytes()


def unpack(typecode: str, packed: bytes) -> array[int]:
    """Returns the integers of a column made by `pack`."""
    column = array(typecode, packed)
    if _SWAP:
        column.byteswap()
    return column


def split_ids(packed: bytes) -> list[bytes]:
    """Returns the 16-byte ids of a column."""
    return [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
