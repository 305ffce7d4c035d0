"""Callers that ask as fast as they are answered, and what they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from bench.cpu import CpuSpent


class Request(NamedTuple):
    """A request as bytes of the wire, made ahead, so that the client costs little while the service is measured."""

    body: bytes
    rows: int


Job = Sequence[Request]
"""Requests that one caller sends one after the other."""
Ask = Callable[[Request], Awaitable[int]]
"""Sends a request and returns the rows that were answered."""
Asked = TypeVar("Asked")


@dataclass
class Seen:
    """Rows answered, the seconds that took, the CPU spent meanwhile, and the latency of every call in milliseconds."""

    rows: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    cpu: CpuSpent = field(default_factory=CpuSpent)

    @property
    def per_second(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    def quantile_ms(self, share: float) -> float | None:
        """Returns a quantile of the latencies, None without any."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None

    def add(self, other: Seen) -> None:
        """Pools another measurement with this one."""
        self.rows += other.rows
        self.seconds += other.seconds
        self.latencies_ms += other.latencies_ms
        self.cpu.add(other.cpu)


async def closed_loop(
    ask: Callable[[Asked], Awaitable[int]], jobs: Iterable[Sequence[Asked]], callers: int, seconds: float
) -> Seen:
    """Has `callers` take jobs and ask one by one what is in them until no job is left or `seconds` are over."""
    seen, left = Seen(), iter(jobs)
    started = time.perf_counter()
    end = started + seconds

    async def call() -> None:
        while time.perf_counter() < end and (job := next(left, None)) is not None:
            for asked in job:
                began = time.perf_counter()
                # Apart: `+=` with an await in it would read before what others add meanwhile.
                rows = await ask(asked)
                seen.rows += rows
                seen.latencies_ms.append((time.perf_counter() - began) * 1_000)

    await asyncio.gather(*(call() for _ in range(callers)))
    seen.seconds = time.perf_counter() - started
    return seen
