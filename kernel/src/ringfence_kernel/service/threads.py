"""The threads of a process: what blocks, or computes for long, is done there, measured and within bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from ringfence_kernel.values.errors import Overloaded
from ringfence_kernel.values.switching import while_switching

ResultT = TypeVar("ResultT")

THREADS = 16
"""As many as there are connections for reading, and as many again for files and long computations."""
WAITING_LIMIT = 1_024
"""More than all calls that are admitted may need: whoever is beyond is refused instead of waiting unseen."""
_WAITS_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FEW_ROWS = 64
"""So many are computed faster than a thread would take them up."""


async def computed(rows: int, function: Callable[..., ResultT], *arguments: Any, few: int = FEW_ROWS) -> ResultT:
    """Returns what a function computes on some rows: in a thread where they are many, so that nobody waits for it.

    `few` is how many are computed at once, where a row costs more than most.
    """
    if rows <= few:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)


class Threads(ThreadPoolExecutor):
    """The executor behind `asyncio.to_thread`; it refuses when too many wait, and tells how long they do.

    What is done there makes way for the event loop after 0.2 ms: also what reads a page, and then makes objects of it.
    """

    def __init__(self, meter: Meter, threads: int = THREADS, waiting_limit: int = WAITING_LIMIT) -> None:
        """Makes threads when they are needed; gauges are asked for by the meter's readers."""
        super().__init__(threads, "work")
        self._waiting_limit = waiting_limit
        self._waiting = meter.create_histogram(
            "ringfence.threads.wait.duration",
            "s",
            "Time from handing work to the threads until one takes it.",
            explicit_bucket_boundaries_advisory=_WAITS_SECONDS,
        )
        meter.create_observable_gauge(
            "ringfence.threads.waiting", [self._observe], "{item}", "Work that waits for a thread."
        )

    def submit(self, fn: Callable[..., ResultT], /, *args: Any, **kwargs: Any) -> Future[ResultT]:
        """Has a function called in a thread; raises Overloaded where too much waits already."""
        if self._work_queue.qsize() >= self._waiting_limit:
            raise Overloaded("too much work waits for a thread")
        return super().submit(self._run, time.monotonic(), fn, *args, **kwargs)

    def _run(self, handed_in: float, fn: Callable[..., ResultT], *args: Any, **kwargs: Any) -> ResultT:
        self._waiting.record(time.monotonic() - handed_in)
        return while_switching(partial(fn, *args, **kwargs))

    def _observe(self, options: CallbackOptions) -> list[Observation]:
        return [Observation(self._work_queue.qsize())]
