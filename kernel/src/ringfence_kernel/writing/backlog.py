"""What a service has taken on and not answered yet, bounded by the time it will take.

A bound in rows is too much for a slow machine and too little for a fast one, and says nothing to a caller. Here the
bound is a time: work is taken on as long as all of it will be done, at the rate seen lately, within so many seconds.
Whatever is beyond is refused at once with the time to come again, which grows with the number of those sent away, so
that they come back one after the other and not together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ringfence_kernel.values.errors import Overloaded

LEAST_COMMANDS = 4
LEAST_WEIGHT = 5_000
"""So few, or so little, is always taken on: it is not load that makes it slow."""
FIRST_RATE = 50_000.0
WINDOW_SECONDS = 0.1
NEWEST_SHARE = 0.3
LONGEST_WAIT_SECONDS = 5.0
SHORTEST_HINT_SECONDS, LONGEST_HINT_SECONDS = 0.5, 5.0
"""Callers who come back too soon make others wait; callers that heed no hint would drive the hints up for ever."""


class Backlog(AbstractContextManager[None]):
    """Admits commands by their weight; a weight is in whatever unit the rate is to be seen in.

    A command has its place while it is inside this object as a context; what else it weighs is told within.
    """

    def __init__(self, seconds: float, each: int, *, now: Callable[[], float] = time.monotonic) -> None:
        """Takes on what will be done within `seconds`; a place weighs `each`; `now` is a monotonic clock."""
        self._seconds, self._each, self._now = seconds, each, now
        self._places = self._weight = 0
        self._rate = FIRST_RATE
        self._since, self._done_since, self._was_slow = now(), 0, False
        self._away, self._away_at = 0.0, now()

    def __enter__(self) -> None:
        """Takes a place, before anything is known of the command; raises Overloaded."""
        if self._places >= LEAST_COMMANDS and self._weight + self._each > self._limit:
            raise self.refusal()
        self._places += 1
        self._weight += self._each

    def __exit__(self, kind: type[BaseException] | None, *reason: object) -> None:
        """Gives the place back; what was refused or failed says nothing about the rate."""
        self._places -= 1
        self._weight -= self._each
        if kind is None:
            self._note_done(self._each)

    @contextmanager
    def taken(self, weight: int) -> Iterator[None]:
        """Counts, for the block, what a command weighs beside its place; raises Overloaded."""
        if self._places > LEAST_COMMANDS and self._weight + weight > self._limit:
            raise self.refusal(weight)
        began = self._now()
        self._weight += weight
        try:
            yield
            self._was_slow = self._was_slow or self._now() - began > self._seconds
            self._note_done(weight)
        finally:
            self._weight -= weight

    def refusal(self, weight: int = 0) -> Overloaded:
        """Returns the refusal of a command: come again when everything here and everybody sent away before is done."""
        now = self._now()
        away = max(0.0, self._away - (now - self._away_at) * self._rate) + self._each + weight
        self._away, self._away_at = min(away, LONGEST_HINT_SECONDS * self._rate), now
        seconds = (self._weight + self._away) / self._rate
        return Overloaded(retry_after_seconds=max(SHORTEST_HINT_SECONDS, min(seconds, LONGEST_HINT_SECONDS)))

    @property
    def _limit(self) -> float:
        return max(LEAST_WEIGHT, self._rate * self._seconds)

    def _note_done(self, weight: int) -> None:
        """Follows the rate: upwards always, downwards only when work took too long.

        While nothing takes too long, a lower rate only says that there was less to do.
        """
        now = self._now()
        self._done_since += weight
        elapsed = now - self._since
        if elapsed >= WINDOW_SECONDS:
            seen = self._done_since / elapsed
            if seen > self._rate or self._was_slow:
                self._rate += NEWEST_SHARE * (seen - self._rate)
            self._since, self._done_since, self._was_slow = now, 0, False


class FewWaiting:
    """Lets a few callers wait for something, and not for long; refuses the others."""

    def __init__(
        self, is_due: Callable[[], bool], wait: Callable[[], Awaitable[None]], refusal: Callable[[], Overloaded]
    ) -> None:
        """Takes whether there is something to wait for, the wait, and the refusal of those who may not."""
        self._is_due, self._wait, self._refusal = is_due, wait, refusal
        self._waiting = 0

    async def wait(self) -> None:
        """Waits if need be; raises Overloaded when as many do already as always are taken on, or after 5 s."""
        if not self._is_due():
            return
        if self._waiting >= LEAST_COMMANDS:
            raise self._refusal()
        self._waiting += 1
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                await self._wait()
        except TimeoutError:
            raise self._refusal() from None
        finally:
            self._waiting -= 1
