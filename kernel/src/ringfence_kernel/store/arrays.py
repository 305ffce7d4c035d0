"""Columns of ids as parameters of statements, without an object per id."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import adapters, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ringfence_kernel.values.ids import ID_BYTES

_UUID = postgres.types["uuid"]
_LENGTH = struct.pack("!i", ID_BYTES)


@dataclass(frozen=True, slots=True)
class Uuids:
    """A uuid[] of ids of 16 bytes; raises ValueError for others."""

    ids: Sequence[bytes]

    def __post_init__(self) -> None:
        """Checks the ids: the array says of each that it has 16 bytes."""
        if set(map(len, self.ids)) - {ID_BYTES}:
            raise ValueError(f"an id has {ID_BYTES} bytes")


class _UuidsDumper(Dumper):
    """Writes the binary form of an array: dimensions, flags, type; length and lower bound; each element's length first.

    As array_send of PostgreSQL does (src/backend/utils/adt/arrayfuncs.c).
    """

    format = Format.BINARY
    oid = _UUID.array_oid

    def dump(self, obj: Uuids) -> Buffer:
        """Returns the array."""
        if not obj.ids:
            return struct.pack("!iii", 0, 0, _UUID.oid)
        header = struct.pack("!iiiii", 1, 0, _UUID.oid, len(obj.ids), 1)
        return header + _LENGTH + _LENGTH.join(obj.ids)


adapters.register_dumper(Uuids, _UuidsDumper)
