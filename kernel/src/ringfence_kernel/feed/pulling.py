"""Pulling: work that is there when somebody rings, and looked for now and then all the same.

A ring may be lost, so it never is the only reason to look; where it cannot be lost on the way, looking becomes rarer
while nothing comes. What comes in quick succession is taken together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 8.0
FIRST_POLL_SECONDS = 0.1
"""Pause after a step that failed before any has succeeded: somebody may wait for the first."""
GATHER_SECONDS = 0.02
"""Pause after a page that was not full: what is committed meanwhile comes in one page."""


@dataclass(slots=True)
class Pulling:
    """The loop of everything that follows a feed, whether another service's or its own."""

    full_page: int
    """A step that took so many goes on at once."""
    poll_seconds: float = POLL_SECONDS
    gather_seconds: float = GATHER_SECONDS
    longest_poll_seconds: float = LONGEST_POLL_SECONDS
    unheard_poll_seconds: float = LONGEST_POLL_SECONDS
    hears: Callable[[], bool] | None = None
    """Tells whether rings can come at all: while they cannot, `unheard_poll_seconds` is the longest pause."""
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Tells that there may be news; on the loop's own thread."""
        self._rung.set()

    async def run(self, step: Callable[[], Awaitable[int | None]]) -> None:
        """Takes steps until cancelled, or until one raises; a step tells how many events it took, None if it could not.

        After a step that took nothing the next one waits for a ring, and for `poll_seconds` at most; for twice as long
        after each that found nothing unasked. Until the first step that could, pauses begin shorter.
        """
        pause, first = self.poll_seconds, FIRST_POLL_SECONDS
        while True:
            self._rung.clear()
            taken = await step()
            if taken is not None:
                first = self.poll_seconds
            if taken:
                pause = self.poll_seconds
                await asyncio.sleep(0 if taken >= self.full_page else self.gather_seconds)
                continue
            if taken is None:
                pause, first = min(first, self.poll_seconds), 2 * first
            try:
                async with asyncio.timeout(min(pause, self._most_seconds())):
                    await self._rung.wait()
                pause = self.poll_seconds
            except TimeoutError:
                pause = min(2 * pause, self.longest_poll_seconds)

    def _most_seconds(self) -> float:
        """Returns for how long to wait for a ring."""
        return self.unheard_poll_seconds if self.hears is not None and not self.hears() else self.longest_poll_seconds
