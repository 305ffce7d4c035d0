"""Bounds of request fields; a servicer checks with these before it maps."""

from __future__ import annotations

from ringfence_kernel.values.characters import are_writable
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, MAX_ID, ZERO_ID


def identifier(field: str, value: bytes) -> bytes:
    """Returns an id of 16 bytes that is neither all zeros nor all ones; raises InvalidArgument."""
    if len(value) != ID_BYTES or value in (ZERO_ID, MAX_ID):
        raise InvalidArgument(f"{field} must be 16 bytes, neither zero nor all ones", field=field)
    return value


def optional_identifier(field: str, value: bytes) -> bytes | None:
    """Returns an id, or None for an empty field; raises InvalidArgument."""
    return identifier(field, value) if value else None


def size(field: str, count: int, *, maximum: int, minimum: int = 0) -> int:
    """Returns a count (rows, bytes, characters) that lies within its bounds; raises InvalidArgument."""
    if not minimum <= count <= maximum:
        raise InvalidArgument(f"{field} must have {minimum} to {maximum}", field=field)
    return count


def number(field: str, value: int, *, minimum: int, maximum: int) -> int:
    """Returns a number that lies within its bounds; raises InvalidArgument."""
    if not minimum <= value <= maximum:
        raise InvalidArgument(f"{field} must be {minimum} to {maximum}", field=field)
    return value


def text(field: str, value: str, *, maximum: int, minimum: int = 1) -> str:
    """Returns one line of text that can be written, of bounded length; raises InvalidArgument."""
    size(field, len(value), minimum=minimum, maximum=maximum)
    if not are_writable(value):
        raise InvalidArgument(f"{field} must be printable", field=field)
    return value


def page(field: str, value: int, *, default: int, maximum: int) -> int:
    """Returns a page size, `default` for zero; raises InvalidArgument above the maximum."""
    return default if value == 0 else number(field, value, minimum=1, maximum=maximum)
