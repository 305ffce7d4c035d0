"""Identifiers: UUIDs in the SDK, 16 bytes on the wire (docs/formats.md)."""

import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

ID_BYTES = 16
ZERO_ID = UUID(int=0)
_ZERO = bytes(ID_BYTES)


def new_id() -> UUID:
    """A fresh id, a UUIDv7 (RFC 9562 section 5.7): 48 bits of UTC milliseconds, then random bits."""
    return uuid7()


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
