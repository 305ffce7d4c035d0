"""A signal that wakes whoever waits for the next commit."""

from __future__ import annotations

import asyncio


class Signal:
    """Rings for everybody who waits at that moment, and for whoever comes later and says since when he is away."""

    def __init__(self) -> None:
        """Starts with nobody waiting."""
        self._waiting: set[asyncio.Future[None]] = set()
        self.rings = 0
        """How often it has rung: who looks for work keeps it before he looks."""

    def ring(self) -> None:
        """Wakes all that wait."""
        self.rings += 1
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float, since: int | None = None) -> bool:
        """Waits for the next ring, at most so long; returns whether it rang, or has `since` it had rung so often."""
        if since is not None and since != self.rings:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                await future
            return True
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
