"""Has the log's head signed once a second when there is news."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

PERIOD_SECONDS = 1.0

log = logs.get(__name__)


class Checkpointer:
    """Makes checkpoints; while the key cannot be used leaves go on, and checkpoints wait."""

    def __init__(self, sign: Callable[[], Awaitable[None]], period_seconds: float = PERIOD_SECONDS) -> None:
        self._sign = sign
        self._period_seconds = period_seconds
        self._waits_for = ""

    async def run(self) -> None:
        """Signs until cancelled."""
        self._waits_for = ""
        while True:
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
            await asyncio.sleep(self._period_seconds)

    async def problem(self) -> str | None:
        """Gives why checkpoints wait, or None: a readiness probe."""
        return f"checkpoints wait: {self._waits_for}" if self._waits_for else None
