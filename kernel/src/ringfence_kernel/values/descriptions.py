"""What an event of another service is made of: its fields, packed columns and codes, as its publisher describes it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any


class Facts(IntEnum):
    """How the audit log takes an event; the numbers are the proto's."""

    ONE = 1
    ROWS = 2
    NONE = 3


class Privacy(IntEnum):
    """What must not leave a service as it is stored; the numbers are the proto's."""

    UNSPECIFIED = 0
    SEALED = 1
    SECRET = 2
    BLIND_INDEX = 3
    CLEAR = 4
    FREE_TEXT = 5
    SECRET_TEXT = 6


@dataclass(frozen=True)
class FieldDescription:
    """One field of an event: `kind` is what msgpack holds ("bytes", "int", "list[str]", "dict[int, str]", …).

    A packed column has the struct `code` (empty for bytes) and `width` of its elements; `short` says that it may be
    empty for zeros, or hold one element for all rows. `names` are those of its codes, None where it holds none.
    """

    name: str
    kind: str
    code: str
    width: int
    order: str
    per_row: bool
    own_rows: bool
    short: bool
    names: Mapping[int, str] | None
    privacy: Privacy
    since: int

    @property
    def packed(self) -> bool:
        """Tells whether it is a packed column."""
        return self.width > 0

    def elements(self, column: bytes, rows: int) -> Sequence[Any]:
        """Returns one integer or one piece of bytes per row; raises ValueError where the column has another length."""
        if self.short and len(column) <= self.width:
            column = (column or bytes(self.width)) * rows
        if len(column) != rows * self.width:
            raise ValueError(f"{self.name} does not have one value per row")
        if not self.code:
            return [column[at : at + self.width] for at in range(0, len(column), self.width)]
        return struct.unpack(f"{self.order or '<'}{rows}{self.code}", column)

    def unknown_code(self, value: Any) -> str | None:
        """Returns the first code in a value that the description does not list, or None."""
        if self.names is None:
            return None
        if self.kind == "str":
            return None if value in self.names.values() else str(value)
        codes = self.elements(value, len(value) // self.width) if self.packed else [value]
        return next((str(code) for code in set(codes) if code not in self.names), None)


@dataclass(frozen=True)
class EventDescription:
    """One topic: its fields by name, how audit takes it, and the field that counts its rows."""

    topic: str
    stream: str
    facts: Facts
    rows: str
    fields: Mapping[str, FieldDescription] = field(repr=False)

    @cached_property
    def coded(self) -> Sequence[FieldDescription]:
        """Returns the fields that hold codes."""
        return [each for each in self.fields.values() if each.names is not None]

    def count(self, fields: Mapping[str, Any]) -> int:
        """Returns the number of rows of an event; 1 without packed columns."""
        return len(fields[self.rows]) // self.fields[self.rows].width if self.rows else 1

    def strange(self, fields: Mapping[str, Any]) -> str | None:
        """Returns what is the first field or code of an event that the description does not list, or None.

        Raises ValueError, TypeError and the like where the fields are none of this event.
        """
        strange = fields.keys() - self.fields.keys()
        if strange:
            return f"the field {min(map(str, strange))}"
        for each in self.coded:
            code = each.unknown_code(fields[each.name]) if each.name in fields else None
            if code is not None:
                return f"the code {code} in {each.name}"
        return None

    def misfits(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """Yields what in an event's fields is not as described: names, kinds, rows."""
        for name in fields.keys() - self.fields.keys():
            yield f"{self.topic}: {name} is not described"
        for name, each in self.fields.items():
            if name not in fields:
                if not each.since:
                    yield f"{self.topic}: {name} is missing"
                continue
            value = fields[name]
            if not _is(each.kind, value):
                yield f"{self.topic}: {name} is no {each.kind}"
            elif each.per_row and len(value) != self.count(fields) and (value or not each.short):
                yield f"{self.topic}: {name} does not have one entry per row"
            elif each.packed:
                rows = len(value) // each.width if each.own_rows else self.count(fields)
                try:
                    each.elements(value, rows)
                except ValueError as error:
                    yield f"{self.topic}: {error}"


def _is(kind: str, value: Any) -> bool:
    if kind.startswith("list["):
        return isinstance(value, list) and all(_is(kind[5:-1], each) for each in value)
    if kind.startswith("dict["):
        key_kind, value_kind = kind[5:-1].split(", ")
        return isinstance(value, dict) and all(
            _is(key_kind, key) and _is(value_kind, each) for key, each in value.items()
        )
    return type(value).__name__ == kind
