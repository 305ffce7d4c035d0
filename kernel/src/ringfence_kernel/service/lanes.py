"""Lanes of work: streams that wait for one kind of work, found from state alone, retried with backoff."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_HINT_SECONDS = 60.0
# A hiccup is not worth an event: only what still fails then is noted as the reason for waiting.
ATTEMPTS_BEFORE_NOTED = 3
_LOG = get(__name__)


class Work(Protocol):
    """One kind of work on streams."""

    def has_work(self, stream: bytes) -> bool:
        """Tells whether there is something to do for a stream, from state alone."""

    async def handle(self, stream: bytes) -> None:
        """Does it and records it; raises a DomainError that names why it cannot be done now."""


class Lane:
    """Handles streams one at a time each, several side by side.

    A stream that is offered while it is being handled is looked at again afterwards; one that fails is offered again
    after a pause that doubles, or at once when `wake` says that what it waited for may have come.
    """

    def __init__(
        self,
        name: str,
        work: Work,
        note: Callable[[bytes, str], Awaitable[None]],
        workers: int = 16,
    ) -> None:
        """Takes the work, and how to note why a stream waits."""
        self.name = name
        self._work, self._note, self._workers = work, note, workers
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting_turn: set[bytes] = set()
        self._busy: set[bytes] = set()
        self._paused: dict[bytes, asyncio.TimerHandle] = {}
        self._attempts: dict[bytes, int] = {}

    def has_work(self, stream: bytes) -> bool:
        """Tells whether there is something to do for a stream."""
        return self._work.has_work(stream)

    def offer(self, stream: bytes) -> None:
        """Puts a stream in line if it has work and is not there already."""
        if stream in self._waiting_turn or stream in self._busy or stream in self._paused:
            return
        if self.has_work(stream):
            self._waiting_turn.add(stream)
            self._queue.put_nowait(stream)
        else:
            self._attempts.pop(stream, None)

    def clear(self) -> None:
        """Forgets what is in line or paused; what is under way goes on."""
        for timer in self._paused.values():
            timer.cancel()
        self._paused.clear()
        self._attempts.clear()
        self._waiting_turn.clear()
        while not self._queue.empty():
            self._queue.get_nowait()

    def wake(self) -> None:
        """Ends all pauses."""
        for stream, timer in list(self._paused.items()):
            timer.cancel()
            self._resume(stream)

    @property
    def is_idle(self) -> bool:
        """Tells whether nothing is in line, under way or paused."""
        return not (self._waiting_turn or self._busy or self._paused)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            stream = await self._queue.get()
            self._waiting_turn.discard(stream)
            self._busy.add(stream)
            reason, hint = "", 0.0
            try:
                await self._work.handle(stream)
            except DomainError as error:
                reason, hint = error.reason, error.retry_after_seconds or 0.0
            except Exception:
                _LOG.exception("work_failed", lane=self.name)
                reason = "INTERNAL"
            finally:
                self._busy.discard(stream)
            if reason:
                await self._pause(stream, reason, hint)
            else:
                self._attempts.pop(stream, None)
                self.offer(stream)

    async def _pause(self, stream: bytes, reason: str, hint: float) -> None:
        """Offers a stream again after a pause, not before whoever refused wants to be asked again."""
        attempt = self._attempts[stream] = self._attempts.get(stream, 0) + 1
        spread = random.uniform(0.5, 1.0)  # nosec B311 # spreads retries, hides nothing
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS) * spread
        pause = max(pause, min(hint, LONGEST_HINT_SECONDS))
        self._paused[stream] = asyncio.get_running_loop().call_later(pause, self._resume, stream)
        if attempt == ATTEMPTS_BEFORE_NOTED:
            _LOG.warning("work_waits", lane=self.name, reason=reason, stream=stream.hex())
        if attempt >= ATTEMPTS_BEFORE_NOTED:
            try:
                await self._note(stream, reason)
            except DomainError as error:
                _LOG.warning("work_wait_not_noted", lane=self.name, reason=error.reason)

    def _resume(self, stream: bytes) -> None:
        if self._paused.pop(stream, None) is not None:
            self.offer(stream)


def offer_all(lanes: Iterable[Lane], stream: bytes) -> None:
    """Offers a stream to every lane; those without work for it leave it."""
    for lane in lanes:
        lane.offer(stream)
