"""Packed events: columns split into rows, each row one fact, and their fast encoding."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringfence_audit.log.domain.leaf import LeafTemplate, Value, commitment, encode

Cells = Sequence[Value | None]
Split = Callable[[Any, int], Cells]
"""Splits a column, given the number of rows, into one value or None per row."""


@dataclass(frozen=True, slots=True)
class Table:
    """Facts of one kind as columns: one value, or None where absent, per row; `shared` stands in every row."""

    kind: str
    rows: int
    columns: Mapping[str, Cells]
    shared: Mapping[str, Value | None] = field(default_factory=dict)

    def times(self) -> list[int]:
        """Gives the earliest and latest time that the rows state by themselves, if they do."""
        stated = self.columns.get("time_ns") or [self.shared.get("time_ns")]
        times = [time for time in stated if isinstance(time, int)]
        return [min(times), max(times)] if times else []

    def leaves(self, header: Mapping[str, Value], first_ordinal: int) -> Iterator[bytes]:
        """Encodes the rows in order; fields of a row stand before those of the header."""
        columns: dict[str, Cells] = {"ordinal": range(first_ordinal, first_ordinal + self.rows), **self.columns}
        shared: dict[str, Value] = {
            name: value
            for name, value in {**header, **self.shared}.items()
            if value is not None and name not in columns
        }
        columns = {name: cells for name, cells in sorted(columns.items()) if any(cell is not None for cell in cells)}
        if _has_text(columns):
            for row in zip(*columns.values(), strict=True):
                yield encode(self.kind, {**shared, **dict(zip(columns, row, strict=True))})
            return
        yield from _fixed_length(self.kind, shared, columns)


def _has_text(columns: Mapping[str, Cells]) -> bool:
    return any(isinstance(next(cell for cell in cells if cell is not None), str) for cells in columns.values())


def _fixed_length(kind: str, shared: Mapping[str, Value], columns: Mapping[str, Cells]) -> Iterator[bytes]:
    """Encodes rows of integers and equally long bytes by one template per set of fields that are present."""
    names = list(columns)
    sometimes = [at for at, cells in enumerate(columns.values()) if None in cells]
    templates: dict[tuple[bool, ...], LeafTemplate] = {}
    for row in zip(*columns.values(), strict=True):
        absent = tuple([row[at] is None for at in sometimes])
        template = templates.get(absent)
        if template is None:
            lengths = {
                name: len(cell) if isinstance(cell, bytes) else 0
                for name, cell in zip(names, row, strict=True)
                if cell is not None
            }
            template = templates[absent] = LeafTemplate(kind, shared, lengths)
        yield template.encode([cell for cell in row if cell is not None] if sometimes else row)


def ids(column: bytes, rows: int) -> Cells:
    """Splits 16 bytes per row; all zero means absent."""
    return _blobs(column, rows, 16)


def digests(column: bytes, rows: int) -> Cells:
    """Splits 32 bytes per row; all zero means absent."""
    return _blobs(column, rows, 32)


def numbers(code: str, *, zero: bool = True) -> Split:
    """Splits big-endian integers of a `struct` code; without `zero`, 0 means absent."""

    def split(column: bytes, rows: int) -> Cells:
        values: tuple[int, ...] = struct.unpack(f">{rows}{code}", column)
        return values if zero else [value or None for value in values]

    return split


def texts(column: Sequence[str], rows: int) -> Cells:
    """Takes one text per row; an empty one is absent."""
    require(len(column) == rows)
    return [value or None for value in column]


def sealed(column: Sequence[bytes], rows: int) -> Cells:
    """Takes one ciphertext per row and commits to it; an empty one is absent."""
    require(len(column) == rows)
    return [commitment(value) if value else None for value in column]


def named(names: Mapping[int, str]) -> Split:
    """Splits single bytes and writes the name of each; a number without a name is written as it is."""

    def split(column: bytes, rows: int) -> Cells:
        require(len(column) == rows)
        return [names.get(number, str(number)) for number in column]

    return split


@dataclass(frozen=True)
class Packed:
    """How a packed event is read: its kind of leaf, its columns as (event field, leaf field, split), what rows share.

    `rows_of` is the column of 16-byte ids that counts the rows.
    """

    kind: str
    rows_of: str
    columns: Sequence[tuple[str, str, Split]]
    shared: Mapping[str, str]

    def table(self, event: Mapping[str, Any]) -> Table:
        """Splits an event; raises ValueError, KeyError or struct.error where its columns do not fit."""
        rows = len(event[self.rows_of]) // 16
        columns = {leaf: split(event[name], rows) for name, leaf, split in self.columns}
        return Table(self.kind, rows, columns, {leaf: event.get(name) or None for name, leaf in self.shared.items()})


def _blobs(column: bytes, rows: int, length: int) -> Cells:
    require(len(column) == length * rows)
    zero = bytes(length)
    cut = [column[at : at + length] for at in range(0, len(column), length)]
    return [value if value != zero else None for value in cut] if zero in cut else cut


def require(fits: bool) -> None:
    """Raises ValueError where a column does not have one value per row."""
    if not fits:
        raise ValueError("a column does not have one value per row")
