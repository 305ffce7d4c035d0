"""Callers that ask as fast as they are answered, and what they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Seen:
    """Rows answered, the seconds that took, and the latency of every call in milliseconds."""

    rows: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Returns a quantile of the latencies."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def closed_loop(ask: Callable[[int], Awaitable[int]], callers: int, seconds: float) -> Seen:
    """Has `callers` call `ask(caller)`, which returns the rows it got answered, again and again for `seconds`."""
    seen = Seen()
    started = time.perf_counter()
    end = started + seconds

    async def caller(number: int) -> None:
        while (began := time.perf_counter()) < end:
            rows = await ask(number)
            seen.rows += rows
            seen.latencies_ms.append((time.perf_counter() - began) * 1_000)

    await asyncio.gather(*(caller(number) for number in range(callers)))
    seen.seconds = time.perf_counter() - started
    return seen
