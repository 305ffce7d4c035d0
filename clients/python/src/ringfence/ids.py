"""Identifiers: UUIDs in the SDK, 16 bytes on the wire (docs/formats.md)."""

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

ID_BYTES = 16
ZERO_ID = UUID(int=0)
_ZERO = bytes(ID_BYTES)


def new_id() -> UUID:
    """A fresh id: 48 bits of UTC milliseconds, then random bits (RFC 9562 section 5.7, UUIDv7)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return UUID(int=value & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def external_id(domain: str, tenant: UUID, key: str) -> UUID:
    """Maps somebody else's key to an id: the first 16 bytes of SHA-256 over length-prefixed (domain, tenant, key).

    The same key always gives the same id, so that a retry is recognised whoever makes it.
    """
    digest = hashlib.sha256()
    for part in (domain.encode(), tenant.bytes, key.encode()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return UUID(bytes=digest.digest()[:ID_BYTES])


def pack(ids: Iterable[UUID | None]) -> bytes:
    """A column of ids, 16 bytes per row, zeros for None; a single one that every row has, empty when that is zero."""
    column = b"".join([_ZERO if each is None else each.bytes for each in ids])
    first = column[:ID_BYTES]
    if column != first * (len(column) // ID_BYTES):
        return column
    return first if first != _ZERO else b""


def optional(value: bytes) -> UUID | None:
    """An id as read; None for an empty or zero one."""
    return UUID(bytes=value) if any(value) else None


def to_bytes(ids: Sequence[UUID]) -> list[bytes]:
    """Ids as a repeated field."""
    return [each.bytes for each in ids]
