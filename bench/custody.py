"""The rows of custody: bursts, the load that goes on, and callers of one transfer each through the SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import uvloop

from bench import sdk, transfers
from bench.book import Book, funded_book
from bench.controls import Controls
from bench.cpu import CpuSpent
from bench.load import Ask, Job, Seen, closed_loop
from bench.rows import Results, row
from bench.stack import STATEMENT_LAG_TRANSFERS, MeasuredStack
from bench.statements import watched_lag
from bench.transfers import Jobs
from bench.wire import connected

CALLERS = {1: 64, 100: 8, 1_000: 4, 8_190: 2}
BURST_ROWS = STATEMENT_LAG_TRANSFERS
BURST_REQUESTS = 40_000
"""Bound of what is made ahead for one burst."""
SUSTAINED_ROWS = 1_000


@dataclass
class CustodyRows:
    """Measures one row after the other on one stack."""

    measured: MeasuredStack
    controls: Controls
    results: Results
    seconds: float

    @cached_property
    def book(self) -> Book:
        """The book that all rows are measured on, made when it is first needed."""
        self.results.progress("preparing a book of 10,000 clients")
        return funded_book(self.measured.sandbox)

    def bursts(self, name: str, jobs: Jobs, sizes: Iterable[int]) -> None:
        """Measures bursts of every size, beside the control of the size."""
        for per_request in sizes:
            self.measured.settle(self.book)
            control = self.controls.measure(self.measured, per_request)
            callers, pooled, bursts = CALLERS[per_request], Seen(), 0
            endless = jobs(per_request)
            transport = self.controls.transport(endless, callers) if per_request == 1 else None
            while pooled.seconds < self.seconds:
                self.measured.settle(self.book)
                pooled.add(self._timed(_burst(endless), callers))
                bursts += 1
            figures = beside_transport(pooled, transport) if transport else {}
            self.results.add(row(name, per_request, callers, pooled, control, bursts=bursts, **figures))

    def sustained(self, seconds: float) -> None:
        """Measures a load under which statements keep up: its time ends when they show the last transfer."""
        self.measured.settle(self.book)
        _, burst = self.controls.measure(self.measured, SUSTAINED_ROWS)
        control = self.controls.sustained(self.measured, SUSTAINED_ROWS, seconds)
        callers = CALLERS[SUSTAINED_ROWS]
        jobs = transfers.plain(self.book)(SUSTAINED_ROWS)
        with watched_lag(self.measured) as lag:
            seen = self._timed(jobs, callers, seconds, until_shown=True)
        figures = {"largest_lag_seconds": lag.largest_seconds, "ratio_to_copy": seen.per_second / burst}
        self.results.add(row("custody_sustained", SUSTAINED_ROWS, callers, seen, control, **figures))

    def through_the_sdk(self) -> None:
        """Measures callers whose transfers the SDK puts together; the control is one transfer per request."""
        create = sdk.creating(self.book)
        if create is None:
            self.results.progress("custody_sdk is left out: this SDK does not put transfers together")
            return
        if (alone := self.results.find("custody", 1)) is None:
            self.bursts("custody", transfers.plain(self.book), [1])
            alone = self.results.rows[-1]
        self.measured.settle(self.book)
        seen = sdk.run(self.book, create, self.seconds, self.measured.cpu)
        self.results.add(row("custody_sdk", 1, sdk.CALLERS, seen, ("custody 1", alone.per_second)))

    def _timed(
        self, jobs: Iterable[Job], callers: int, seconds: float | None = None, *, until_shown: bool = False
    ) -> Seen:
        """Runs a closed loop over warm connections and measures who spends the CPU; whole bursts unless told."""
        spent = CpuSpent()

        async def run() -> Seen:
            async with connected(self.book.importer.credentials) as ask:
                await self._warm_up(ask, callers)
                with self.measured.cpu.during(spent):
                    seen = await closed_loop(ask, jobs, callers, seconds or self.seconds)
                    if until_shown:
                        began = time.perf_counter()
                        await asyncio.to_thread(self.measured.settle, self.book)
                        seen.seconds += time.perf_counter() - began
                return seen

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(run())
        seen.cpu = spent
        return seen

    async def _warm_up(self, ask: Ask, callers: int) -> None:
        jobs = transfers.plain(self.book)(1)
        await asyncio.gather(*(ask(next(jobs)[0]) for _ in range(callers)))


def beside_transport(seen: Seen, transport: float) -> dict[str, float]:
    """Returns what a server that does nothing makes of the same requests, and the ratio to it."""
    return {"transport": transport, "ratio_to_transport": seen.per_second / transport}


def _burst(jobs: Iterator[Job]) -> list[Job]:
    """Makes the requests of a burst ahead."""
    made: list[Job] = []
    rows = 0
    while rows < BURST_ROWS and len(made) < BURST_REQUESTS:
        made.append(next(jobs))
        rows += sum(request.rows for request in made[-1])
    return made
