"""Plain records as bytes, for digests and snapshots of what is small: equal values, equal bytes."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

ValueT = TypeVar("ValueT")

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def encode(value: Any) -> bytes:
    """Returns the msgpack of dataclasses, enums, lists and sets, these in order; of a dict give the sorted items."""
    return _encoder.encode(value)


def encoded(content: bytes) -> Any:
    """Returns a value that `encode` writes as it was written before: for parts that are large and do not change."""
    return msgspec.Raw(content)


def decode(content: memoryview, kind: type[ValueT]) -> ValueT:
    """Returns what `encode` made of a value of this kind; raises ValueError for anything else."""
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
