"""What a service publishes, as its events.proto describes it: read from the descriptors, never from the wire."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, FileDescriptor
from ringfence_protos.common.v1 import events_pb2 as options

from ringfence_kernel.feed.halts import EventUnknown

ELEMENTS = {
    options.ELEMENT_ID: ("", 16),
    options.ELEMENT_DIGEST: ("", 32),
    options.ELEMENT_UINT8: ("B", 1),
    options.ELEMENT_UINT16: ("H", 2),
    options.ELEMENT_UINT32: ("I", 4),
    options.ELEMENT_UINT64: ("Q", 8),
    options.ELEMENT_INT32: ("i", 4),
}
"""Struct code, empty for bytes, and width of what a packed column holds per row."""
_ORDERS = {options.BYTE_ORDER_LITTLE_ENDIAN: "<", options.BYTE_ORDER_BIG_ENDIAN: ">"}
_SCALARS = {
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_STRING: "str",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_UINT32: "int",
    FieldDescriptor.TYPE_UINT64: "int",
}


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
    privacy: int
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
    facts: int
    rows: str
    fields: Mapping[str, FieldDescription] = field(repr=False)

    @cached_property
    def coded(self) -> Sequence[FieldDescription]:
        """Returns the fields that hold codes."""
        return [each for each in self.fields.values() if each.names is not None]

    def count(self, fields: Mapping[str, Any]) -> int:
        """Returns the number of rows of an event; 1 without packed columns."""
        return len(fields[self.rows]) // self.fields[self.rows].width if self.rows else 1

    def require_known(self, fields: Mapping[str, Any]) -> None:
        """Raises EventUnknown where an event has a field or a code that the description does not list."""
        strange = fields.keys() - self.fields.keys()
        if strange:
            raise EventUnknown(f"{self.topic} has the field {min(map(str, strange))}, which is not described")
        for each in self.coded:
            code = each.unknown_code(fields[each.name]) if each.name in fields else None
            if code is not None:
                raise EventUnknown(f"{self.topic} has the code {code} in {each.name}, which is not described")

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
            elif each.per_row and len(value) != self.count(fields):
                yield f"{self.topic}: {name} does not have one entry per row"
            elif each.packed:
                rows = len(value) // each.width if each.own_rows else self.count(fields)
                try:
                    each.elements(value, rows)
                except ValueError as error:
                    yield f"{self.topic}: {error}"


def described(file: FileDescriptor) -> dict[str, EventDescription]:
    """Returns the events that a file describes, by topic."""
    found = {}
    for message in file.message_types_by_name.values():
        if message.GetOptions().HasExtension(options.event):
            event = message.GetOptions().Extensions[options.event]
            fields = {each.name: _field(each, event, file) for each in message.fields}
            found[event.topic] = EventDescription(event.topic, event.stream, event.facts, event.rows, fields)
    return found


def code_names(enum: EnumDescriptor) -> dict[int, str]:
    """Returns names without the enum's prefix by number, in the order in which they are declared."""
    prefix = "".join(f"_{letter}" if letter.isupper() else letter for letter in enum.name).upper().lstrip("_") + "_"
    return {value.number: value.name.removeprefix(prefix) for value in enum.values}


def _field(proto: FieldDescriptor, event: options.Event, file: FileDescriptor) -> FieldDescription:
    extensions = proto.GetOptions().Extensions
    code, width = ELEMENTS.get(extensions[options.packed], ("", 0))
    enum = proto.enum_type
    if extensions[options.codes]:
        enum = file.pool.FindEnumTypeByName(extensions[options.codes])
    counts = proto.name == event.rows or extensions[options.own_rows]
    return FieldDescription(
        name=proto.name,
        kind=_kind(proto),
        code=code,
        width=width,
        order=_ORDERS.get(event.byte_order, ""),
        per_row=extensions[options.per_row],
        own_rows=extensions[options.own_rows],
        short=(event.shortened and width > 0 and not counts) or extensions[options.may_be_short],
        names=code_names(enum) if enum is not None else None,
        privacy=extensions[options.privacy],
        since=extensions[options.since],
    )


def _kind(proto: FieldDescriptor) -> str:
    if proto.message_type is not None:
        key, value = proto.message_type.fields_by_name["key"], proto.message_type.fields_by_name["value"]
        return f"dict[{_kind(key)}, {_kind(value)}]"
    if proto.enum_type is not None:
        kind = "str" if proto.GetOptions().Extensions[options.by_name] else "int"
    else:
        kind = _SCALARS[proto.type]
    return f"list[{kind}]" if proto.is_repeated else kind


def _is(kind: str, value: Any) -> bool:
    if kind.startswith("list["):
        return isinstance(value, list) and all(_is(kind[5:-1], each) for each in value)
    if kind.startswith("dict["):
        key_kind, value_kind = kind[5:-1].split(", ")
        return isinstance(value, dict) and all(
            _is(key_kind, key) and _is(value_kind, each) for key, each in value.items()
        )
    return type(value).__name__ == kind
