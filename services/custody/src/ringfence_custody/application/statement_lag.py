"""Backpressure: the ledger outruns its statements, so transfers wait while too many of them are not shown yet."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from ringfence_kernel.codec import Recorded
from ringfence_kernel.ids import ID_BYTES

from ringfence_custody.domain.events import TransfersCreated


class Projection(Protocol):
    """How far the read model has come."""

    position: int

    async def reached(self, position: int) -> None:
        """Waits until the read model shows everything up to a feed position."""


class StatementLag:
    """Counts transfers that are committed and not yet shown; a burst below the limit costs nobody anything."""

    def __init__(self, projection: Projection, limit_rows: int) -> None:
        """Lets `limit_rows` transfers be committed ahead of the projection."""
        self._projection, self._limit = projection, limit_rows
        self._ahead: deque[tuple[int, int]] = deque()
        self._rows = 0

    def note(self, recorded: list[Recorded]) -> None:
        """Takes note of what was committed."""
        for each in recorded:
            if isinstance(each.event, TransfersCreated):
                rows = len(each.event.id) // ID_BYTES
                self._ahead.append((each.position, rows))
                self._rows += rows

    async def follow(self) -> None:
        """Waits while the statements are too far behind; the caller sets the deadline."""
        self._forget_shown()
        while self._rows > self._limit:
            await self._projection.reached(self._ahead[0][0])
            self._forget_shown()

    def _forget_shown(self) -> None:
        while self._ahead and self._ahead[0][0] <= self._projection.position:
            self._rows -= self._ahead.popleft()[1]
