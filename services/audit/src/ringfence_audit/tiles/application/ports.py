"""What serving tiles needs from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.state import LogPosition

Tile = Callable[[int, int], bytes]
"""Gives the hashes of the tile at (level, index) as far as there are any; blocks."""
RecordRead = Callable[[bytes, str, Mapping[str, Value | None]], Awaitable[LogPosition]]
"""Makes a read a leaf of the log; returns once it is committed."""


class Bundles(Protocol):
    """Entry bundles (C2SP tlog-tiles); every call blocks and raises LogDamaged where what is stored is not the log."""

    def bundle(self, first: int, count: int) -> bytes:
        """Gives `count` leaves from index `first` on, each behind its length as 2 bytes."""
