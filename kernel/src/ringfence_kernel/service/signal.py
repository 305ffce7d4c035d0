"""A signal that wakes whoever waits for the next commit."""

from __future__ import annotations

import asyncio


class Signal:
    """Rings for everybody who waits at that moment; nobody who comes later hears it."""

    def __init__(self) -> None:
        """Starts with nobody waiting."""
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wakes all that wait."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> bool:
        """Waits for the next ring, at most so long; returns whether it rang."""
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
