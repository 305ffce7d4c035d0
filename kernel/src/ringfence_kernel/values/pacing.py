"""Long work on the event loop, in steps: after each half millisecond of it others have their turn."""

from __future__ import annotations

import asyncio
import time

STEP_SECONDS = 0.0005
"""So long work goes on before others are let in: less than a small read takes by itself."""
MOST_TURNS = 16
"""As often the event loop turns at most before the work goes on: it ends, however much others want."""
IDLE_TURN_SECONDS = 0.0001
"""A turn of the event loop in which nobody else had anything to do is shorter."""


class Pace:
    """The pace of one piece of work, which asks after each step whether it has gone on for long enough."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        """Begins now."""
        self._began = time.perf_counter()

    async def step(self) -> None:
        """Returns at once, or, when it is others' turn, after they have had it."""
        if time.perf_counter() - self._began > STEP_SECONDS:
            await let_others_work()
            self._began = time.perf_counter()


async def let_others_work() -> None:
    """Returns when the event loop has nothing else to do right now, or has turned often enough."""
    for _ in range(MOST_TURNS):
        began = time.perf_counter()
        await asyncio.sleep(0)
        if time.perf_counter() - began < IDLE_TURN_SECONDS:
            return
