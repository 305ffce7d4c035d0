"""Packed events: columns split into rows, each row one fact."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_audit.domain.leaf import Value, commitment

Split = Callable[[Any, int], Sequence[Value | None]]
"""Splits a column, given the number of rows, into one value or None per row."""


def blobs(length: int) -> Split:
    """Splits a column of so many bytes per row; all zero means absent."""
    zero = bytes(length)

    def split(column: bytes, rows: int) -> list[Value | None]:
        _require(len(column) == length * rows)
        cut = [column[at : at + length] for at in range(0, len(column), length)]
        return [value if value != zero else None for value in cut]

    return split


def numbers(code: str, *, zero: bool = True) -> Split:
    """Splits big-endian integers of a `struct` code; without `zero`, 0 means absent."""

    def split(column: bytes, rows: int) -> Sequence[Value | None]:
        values: tuple[int, ...] = struct.unpack(f">{rows}{code}", column)
        return values if zero else [value or None for value in values]

    return split


def texts(column: Sequence[str], rows: int) -> list[Value | None]:
    """Takes one text per row; an empty one is absent."""
    _require(len(column) == rows)
    return [value or None for value in column]


def sealed(column: Sequence[bytes], rows: int) -> list[Value | None]:
    """Takes one ciphertext per row and commits to it; an empty one is absent."""
    _require(len(column) == rows)
    return [commitment(value) if value else None for value in column]


def named(names: Mapping[int, str]) -> Split:
    """Splits single bytes and writes the name of each; a number without a name is written as it is."""

    def split(column: bytes, rows: int) -> list[Value | None]:
        _require(len(column) == rows)
        return [names.get(number, str(number)) for number in column]

    return split


@dataclass(frozen=True)
class Packed:
    """How a packed event is read: kind of leaf, columns as (event field, leaf field, split), what its rows share."""

    kind: str
    rows_of: str
    columns: Sequence[tuple[str, str, Split]]
    shared: Mapping[str, str]
    row_bytes: int = 16

    def rows(self, event: Mapping[str, Any]) -> Iterator[dict[str, Value | None]]:
        """Yields the fields of each row; raises ValueError, KeyError or struct.error where columns do not fit."""
        count = len(event[self.rows_of]) // self.row_bytes
        shared = {leaf: event.get(name) or None for name, leaf in self.shared.items()}
        names = [leaf for _, leaf, _ in self.columns]
        split = [column(event[name], count) for name, _, column in self.columns]
        for row in zip(*split, strict=True):
            yield dict(zip(names, row, strict=True)) | shared


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError("a column does not have one value per row")
