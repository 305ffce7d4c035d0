"""Heavy work of callers: in a few threads of its own, in turns of those who ask for it (docs/adr/0037).

What reads much, or computes for long, neither takes the threads and connections of small reads, nor holds up the event
loop for as long as the interpreter lets a thread compute.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc.quotas import owner_of
from ringfence_kernel.values.errors import QuotaExceeded
from ringfence_kernel.values.switching import while_switching

ResultT = TypeVar("ResultT")

AT_ONCE, AT_ONCE_EACH = 4, 2
WAITING_EACH = 64
"""As many as one tenant may have waiting; who has more is told when to come again."""
LEAST_HINT_SECONDS, LONGEST_HINT_SECONDS = 0.1, 5.0


class InThreads(Protocol):
    """How a function that blocks is run: as `HeavyWork.run` does, or `asyncio.to_thread`."""

    async def __call__(self, function: Callable[..., ResultT], /, *arguments: Any) -> ResultT:
        """Returns what the function returns."""


class HeavyCallsExceeded(QuotaExceeded):
    """The tenant has as much heavy work waiting as it may; nothing was done."""

    reason = "HEAVY_CALLS_QUOTA_EXCEEDED"


@dataclass(slots=True)
class _Owner:
    """What one tenant has under way and waiting, and for how many seconds it was worked for while it was here."""

    seconds: float
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class HeavyWork:
    """Runs functions in threads: of one tenant a few at a time, so that there is room for another's at any time.

    Of those that wait the tenant is next that was worked for least; what work costs is the time that it takes.
    """

    def __init__(
        self,
        meter: Meter,
        at_once: int = AT_ONCE,
        each: int = AT_ONCE_EACH,
        waiting_each: int = WAITING_EACH,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Makes threads when they are needed; `now` is a monotonic clock."""
        self._at_once, self._each, self._waiting_each, self._now = at_once, each, waiting_each, now
        self._threads = ThreadPoolExecutor(at_once, "heavy")
        self._owners: dict[bytes, _Owner] = {}
        self._running = 0
        meter.create_observable_gauge(
            "ringfence.heavy.waiting", [self._observe], "{item}", "Heavy work that waits for its turn."
        )

    async def run(self, function: Callable[..., ResultT], /, *arguments: Any) -> ResultT:
        """Returns what a function returns; raises HeavyCallsExceeded, and what it raises.

        A thread cannot be called off: work counts until it is done, whether or not anybody waits for it.
        """
        name = _owner()
        await self._enter(name)
        began, call = self._now(), partial(contextvars.copy_context().run, function, *arguments)
        work = asyncio.get_running_loop().run_in_executor(self._threads, while_switching, call)

        def leave(done: asyncio.Future[ResultT]) -> None:
            self._leave(name, self._now() - began)
            if not done.cancelled():
                done.exception()

        work.add_done_callback(leave)
        return await asyncio.shield(work)

    def close(self) -> None:
        """Lets go of what has not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, name: bytes) -> None:
        owner = self._owners.get(name)
        if owner is None:
            # Whoever comes is no better off than the least served of those who are here: nobody saves up turns.
            owner = _Owner(min((each.seconds for each in self._owners.values()), default=0.0))
            self._owners[name] = owner
        if len(owner.waiting) >= self._waiting_each:
            raise HeavyCallsExceeded(retry_after_seconds=self._hint_seconds(owner))
        turn = asyncio.get_running_loop().create_future()
        owner.waiting.append(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                owner.waiting.remove(turn)
                self._forget(name)
            else:
                self._leave(name, 0.0)
            raise

    def _leave(self, name: bytes, seconds: float) -> None:
        owner = self._owners[name]
        owner.running -= 1
        owner.seconds += seconds
        self._running -= 1
        self._let_in()
        self._forget(name)

    def _let_in(self) -> None:
        while self._running < self._at_once:
            waiting = [each for each in self._owners.values() if each.waiting and each.running < self._each]
            if not waiting:
                return
            owner = min(waiting, key=lambda each: (each.seconds, each.running))
            turn = owner.waiting.popleft()
            if turn.cancelled():
                continue
            turn.set_result(None)
            owner.running += 1
            self._running += 1

    def _forget(self, name: bytes) -> None:
        owner = self._owners.get(name)
        if owner is not None and not (owner.running or owner.waiting):
            del self._owners[name]

    def _hint_seconds(self, owner: _Owner) -> float:
        served = max(1, len(self._owners))
        return min(LONGEST_HINT_SECONDS, max(LEAST_HINT_SECONDS, owner.seconds / served))

    def _observe(self, options: CallbackOptions) -> list[Observation]:
        return [Observation(sum(len(each.waiting) for each in list(self._owners.values())))]


def _owner() -> bytes:
    """Returns whose work it is; that of workloads and of the process itself is one's."""
    try:
        return owner_of(current_caller()) or b""
    except LookupError:
        return b""
