"""Reads what services publish from the descriptors of their events.proto, never from the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, FileDescriptor
from ringfence_protos.common.v1 import events_pb2 as options

from ringfence_kernel.feed.halts import EventUnknown
from ringfence_kernel.values.descriptions import EventDescription, Facts, FieldDescription, Privacy

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
    FieldDescriptor.TYPE_INT32: "int",
    FieldDescriptor.TYPE_INT64: "int",
}


def described(*files: FileDescriptor) -> dict[str, EventDescription]:
    """Returns the events that files describe, by topic."""
    found = {}
    for file in files:
        for message in file.message_types_by_name.values():
            if message.GetOptions().HasExtension(options.event):
                event = message.GetOptions().Extensions[options.event]
                fields = {each.name: _field(each, event, file) for each in message.fields}
                found[event.topic] = EventDescription(event.topic, event.stream, Facts(event.facts), event.rows, fields)
    return found


def require_known(description: EventDescription, fields: Mapping[str, Any]) -> None:
    """Raises EventUnknown where an event has a field or a code that its description does not list."""
    strange = description.strange(fields)
    if strange is not None:
        raise EventUnknown(f"{description.topic} has {strange}, which is not described")


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
        privacy=Privacy(extensions[options.privacy]),
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
