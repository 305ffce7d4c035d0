"""The streams that a server has open: they would outlast any time to drain, and are ended when it is to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class OpenStreams:
    """The time limits of all streams that are open."""

    def __init__(self) -> None:
        """Has none open."""
        self._limits: set[asyncio.Timeout] = set()
        self.are_ended = False

    @contextmanager
    def open(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Counts the stream within `limit` as open for the block."""
        self._limits.add(limit)
        try:
            if self.are_ended:
                _end(limit)
            yield
        finally:
            self._limits.discard(limit)

    def end(self) -> None:
        """Has the time of all streams expire, of those that are opened later at once."""
        self.are_ended = True
        for limit in self._limits:
            _end(limit)


def _end(limit: asyncio.Timeout) -> None:
    """Has a time limit expire; one whose time is over cannot be told so, and its stream is about to end anyhow."""
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())
