"""Which keys may have left memory: a watermark in place of the keys themselves.

A key that is higher than every one that has left never left, so that whoever does not find it in memory knows, without
a look-up, that it was never recorded. Ids that begin with their time (UUIDv7, RFC 9562 section 5.7) are, when they are
new.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.journal import Journal

OWNER_BYTES = 16
KEY_BYTES = 32
VERSION_BYTE = OWNER_BYTES + 6
"""Where an id tells how it was made, in its upper half (RFC 9562 section 4.2)."""


class LookAgain(DomainError):
    """What was looked up does not answer any more: what it passed over may have left memory. Never leaves a service."""


_VERSIONS = [bytes((byte >> 4,)) for byte in range(256)]


class Departed:
    """The highest key that has left, by owner and version of id; a key is the id of an owner and one of its own."""

    __slots__ = ("_highest",)

    def __init__(self, highest: Iterable[bytes] = ()) -> None:
        """Takes up what `highest` returned; raises ValueError for what are no keys."""
        self._highest = {_kin(require_key(key)): key for key in highest}

    def may_hold(self, key: bytes) -> bool:
        """Tells whether a key may have left; never False for one that has. What is no key never has."""
        return len(key) == KEY_BYTES and key <= self._highest.get(_kin(key), b"")

    def add(self, keys: Iterable[bytes], journal: Journal) -> None:
        """Notes that keys have left; raises ValueError, and notes none, where one is no key."""
        highest: dict[bytes, bytes] = {}
        for key in keys:
            kin = _kin(require_key(key))
            if key > highest.get(kin, b""):
                highest[kin] = key
        for kin, key in highest.items():
            if key > self._highest.get(kin, b""):
                journal.put(self._highest, kin, key)

    def highest(self) -> list[bytes]:
        """Returns all that is known, in order."""
        return sorted(self._highest.values())


def require_key(key: bytes) -> bytes:
    """Returns a key; raises ValueError for what is none."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return key


def _kin(key: bytes) -> bytes:
    """Returns what keys have in common that are compared: their owner, and the version of their id."""
    return key[:OWNER_BYTES] + _VERSIONS[key[VERSION_BYTE]]
