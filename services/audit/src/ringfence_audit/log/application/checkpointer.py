"""Has the log's head signed once a second when there is news."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

PERIOD_SECONDS = 1.0
LEAST_PAUSE = 0.25
"""Share of the period between two checkpoints, however long the first took."""

log = logs.get(__name__)


class Checkpointer:
    """Makes checkpoints; while the key cannot be used leaves go on, and checkpoints wait."""

    def __init__(
        self,
        sign: Callable[[], Awaitable[None]],
        is_signed: Callable[[], bool],
        period_seconds: float = PERIOD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Signs by `sign`; `is_signed` tells whether the newest checkpoint covers every leaf."""
        self._sign, self._is_signed = sign, is_signed
        self._period_seconds, self._clock = period_seconds, clock
        self._waits_for = ""
        self._unsigned_since: float | None = None

    async def run(self) -> None:
        """Signs until cancelled; whoever does not sign any more waits for nothing."""
        try:
            await self._sign_on()
        finally:
            self._waits_for, self._unsigned_since = "", None

    async def _sign_on(self) -> None:
        while True:
            self._note()
            began = self._clock()
            try:
                await self._sign()
            except DomainError as error:
                self._waits_for = error.reason
                log.warning("checkpoint_waits", reason=error.reason)
            except Exception as error:
                # Leaves go on without it; health and the log say that something here is wrong.
                self._waits_for = type(error).__name__
                log.exception("checkpoint_failed")
            else:
                self._waits_for = ""
            self._note()
            left = self._period_seconds - (self._clock() - began)
            await asyncio.sleep(max(left, self._period_seconds * LEAST_PAUSE))

    def age_seconds(self) -> float:
        """Gives for how long the log has had leaves that no checkpoint covers, to a second; 0 where all are."""
        return 0.0 if self._unsigned_since is None else self._clock() - self._unsigned_since

    def _note(self) -> None:
        if self._is_signed():
            self._unsigned_since = None
        elif self._unsigned_since is None:
            self._unsigned_since = self._clock()

    async def problem(self) -> str | None:
        """Gives why checkpoints wait, or None: a readiness probe."""
        return f"checkpoints wait: {self._waits_for}" if self._waits_for else None
