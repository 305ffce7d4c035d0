"""Packed events: columns split into rows, each row one fact, and their fast encoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ringfence_kernel.values.descriptions import EventDescription, FieldDescription, Privacy

from ringfence_audit.log.domain.leaf import LeafTemplate, Value, commitment, encode

Cells = Sequence[Value | None]
MOST_TEMPLATES = 64
"""Beyond so many a template is made more often than it is used."""


@dataclass(frozen=True, slots=True)
class Table:
    """Facts of one kind as columns: one value, or None where absent, per row; `shared` stands in every row.

    `free` names the columns and shared values that are free text. `parties` are who each row is about beside its ids,
    `named` what all rows name in columns of their own.
    """

    kind: str
    rows: int
    columns: Mapping[str, Cells]
    shared: Mapping[str, Value | None] = field(default_factory=dict)
    free: frozenset[str] = frozenset()
    parties: Cells | None = None
    named: tuple[bytes, ...] = ()

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
        yield from _by_templates(self.kind, shared, columns)


def _by_templates(kind: str, shared: Mapping[str, Value], columns: Mapping[str, Cells]) -> Iterator[bytes]:
    """Encodes rows by one template for all that have the same fields, of the same lengths."""
    names = list(columns)
    types = [set(map(type, cells)) - {type(None)} for cells in columns.values()]
    written = [_in_utf8(cells) if str in types[at] else cells for at, cells in enumerate(columns.values())]
    shaping = [at for at, cells in enumerate(written) if _differ(types[at], cells)]
    templates: dict[tuple[int | None, ...], LeafTemplate] = {}
    for row, cells in zip(zip(*columns.values(), strict=True), zip(*written, strict=True), strict=True):
        shape = tuple([_length(cells[at]) for at in shaping])
        template = templates.get(shape)
        if template is None:
            fields = {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}
            if len(templates) == MOST_TEMPLATES or any(len(each) > 1 for each in types):
                yield encode(kind, {**shared, **fields})
                continue
            template = templates[shape] = LeafTemplate(kind, shared, fields)
        yield template.encode([cell for cell in cells if cell is not None] if shaping else cells)


def _differ(types: set[type], cells: Cells) -> bool:
    """Tells whether cells differ in what a template is made for: whether they are there, and how long they are."""
    return None in cells or (types <= {bytes, str} and len(set(map(len, cast("Sequence[bytes]", cells)))) > 1)


def _length(cell: Value | None) -> int | None:
    return len(cell) if isinstance(cell, bytes | str) else None if cell is None else 0


def _in_utf8(cells: Cells) -> Sequence[int | bytes | None]:
    return [cell.encode() if isinstance(cell, str) else cell for cell in cells]


@dataclass(frozen=True)
class Columns:
    """The columns of one event, read as its description says; raises ValueError where one does not fit its rows."""

    description: EventDescription
    event: Mapping[str, Any]
    rows: int

    @classmethod
    def of(cls, description: EventDescription, event: Mapping[str, Any]) -> Columns:
        """Counts the rows of an event."""
        return cls(description, event, description.count(event))

    def __getitem__(self, name: str) -> Sequence[Any]:
        """Gives one value per row; of a column that has rows of its own all of them."""
        field = self.description.fields[name]
        column = self.event.get(name, b"") if field.since else self.event[name]
        return field.elements(column, len(column) // field.width if field.own_rows else self.rows)

    def present(self, name: str) -> Cells:
        """Gives one value per row, and None for what is zero."""
        field, values = self.description.fields[name], self[name]
        zero = 0 if field.code else bytes(field.width)
        return [value if value != zero else None for value in values] if zero in values else values

    def named(self, name: str) -> Cells:
        """Gives the name of each row's code."""
        names = self.description.fields[name].names or {}
        return [names[code] for code in self[name]]

    def listed(self, name: str) -> Cells:
        """Gives one entry of a list per row: a commitment in place of each ciphertext, and None for what is empty."""
        field = self.description.fields[name]
        entries = self.event.get(name, ()) if field.since else self.event[name]
        if field.short and not entries:
            return [None] * self.rows
        require(len(entries) == self.rows)
        if field.privacy is Privacy.SEALED:
            return [commitment(value) if value else None for value in entries]
        return [value or None for value in entries]


@dataclass(frozen=True)
class Packed:
    """How a packed event becomes rows: its kind of leaf, event field to leaf field of columns and of what rows share.

    Codes in `named` stand by name. Numbers in `blank` are absent where they are 0, as zero ids and empty texts are.
    """

    kind: str
    columns: Mapping[str, str]
    shared: Mapping[str, str]
    named: frozenset[str] = frozenset()
    blank: frozenset[str] = frozenset()

    def table(self, description: EventDescription, event: Mapping[str, Any]) -> Table:
        """Splits an event; raises ValueError, KeyError or struct.error where its columns do not fit."""
        columns = Columns.of(description, event)
        cells = {leaf: self._cells(description.fields[name], columns) for name, leaf in self.columns.items()}
        shared = {leaf: event.get(name) or None for name, leaf in self.shared.items()}
        return Table(self.kind, columns.rows, cells, shared, free_texts(description, {**self.columns, **self.shared}))

    def _cells(self, field: FieldDescription, columns: Columns) -> Cells:
        if not field.packed:
            return columns.listed(field.name)
        if field.name in self.named:
            return columns.named(field.name)
        return columns.present(field.name) if field.name in self.blank or not field.code else columns[field.name]


def free_texts(description: EventDescription, names: Mapping[str, str]) -> frozenset[str]:
    """Gives the leaf's names, given by those of the event, of what is described as free text."""
    return frozenset(leaf for name, leaf in names.items() if description.fields[name].privacy is Privacy.FREE_TEXT)


def require(fits: bool) -> None:
    """Raises ValueError where a column does not have one value per row."""
    if not fits:
        raise ValueError("a column does not have one value per row")
