"""The streams that a server has open: they would outlast any time to drain, and are ended when it is to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.2
"""How soon a stream ends that may not go on: one without news would not notice."""


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


@contextmanager
def ending_once(is_over: Callable[[], bool], limit: asyncio.Timeout) -> Iterator[None]:
    """Has the time of the stream within `limit` expire soon after it is over."""
    waiting: list[asyncio.TimerHandle] = []

    def wait() -> None:
        waiting[:] = [asyncio.get_running_loop().call_later(LOOK_SECONDS, look)]

    def look() -> None:
        if is_over():
            _end(limit)
        else:
            wait()

    wait()
    try:
        yield
    finally:
        waiting[0].cancel()


def _end(limit: asyncio.Timeout) -> None:
    """Has a time limit expire; one whose time is over cannot be told so, and its stream is about to end anyhow."""
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())
