"""Requests that no honest client would send, drawn from the protos' own descriptors."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

F = FieldDescriptor
MAX_DEPTH = 3

IDS = st.sampled_from([b"", bytes(16), b"\xff" * 16, b"a" * 15, b"a" * 17, b"a" * 16, b"b" * 32, b"c" * 10_000])
BYTES = st.one_of(
    IDS,
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
            b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'/>",
            b"<" * 5_000,
            b"name,kind,reference\n\x00,\xff,\n",
        ]
    ),
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["", "\x00", "'; DROP TABLE stored_events; --", "../../etc/passwd", "a" * 20_000, "🧨" * 200, "%s%n{0}", "NaN"]
    ),
)
INTEGERS = {
    "int32": [-(2**31), -1, 0, 1, 7, 999, 2**31 - 1],
    "uint32": [0, 1, 8_191, 65_536, 2**32 - 1],
    "int64": [-(2**63), -1, 0, 1, 2**63 - 1],
    "uint64": [0, 1, 2**63, 2**64 - 1],
}
KINDS = {
    F.CPPTYPE_INT32: "int32",
    F.CPPTYPE_UINT32: "uint32",
    F.CPPTYPE_INT64: "int64",
    F.CPPTYPE_UINT64: "uint64",
}


def values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    """Returns values of one field, honest and not."""
    if field.cpp_type == F.CPPTYPE_MESSAGE:
        return messages(field.message_type, depth + 1)
    if field.cpp_type == F.CPPTYPE_ENUM:
        return st.integers(-1, 20)
    if field.cpp_type == F.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type in KINDS:
        return st.sampled_from(INTEGERS[KINDS[field.cpp_type]])
    return BYTES if field.type == F.TYPE_BYTES else TEXTS


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor, depth: int = 0) -> Message:
    """Draws a message of the type with some of its fields set."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if depth > MAX_DEPTH or not draw(st.booleans()):
            continue
        if field.is_repeated:
            target = getattr(message, field.name)
            for value in draw(st.lists(values(field, depth), max_size=4)):
                target.add().CopyFrom(value) if field.cpp_type == F.CPPTYPE_MESSAGE else target.append(value)
        else:
            value = draw(values(field, depth))
            if field.cpp_type == F.CPPTYPE_MESSAGE:
                getattr(message, field.name).CopyFrom(value)
            else:
                setattr(message, field.name, value)
    return message


def requests(descriptor: Descriptor) -> st.SearchStrategy[bytes]:
    """Draws request bytes: messages of the type, and bytes that are none."""
    return st.one_of(messages(descriptor).map(lambda message: message.SerializeToString()), st.binary(max_size=300))
