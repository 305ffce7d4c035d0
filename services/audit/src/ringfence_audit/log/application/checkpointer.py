"""Has the log's head signed once a second when there is news."""

from __future__ import annotations

import asyncio

from ringfence_kernel.telemetry import logs

from ringfence_audit.log.application.commands import Keeper
from ringfence_audit.log.application.ports import Signer

PERIOD_SECONDS = 1.0

log = logs.get(__name__)


class Checkpointer:
    """Signs and records checkpoints; while the key cannot be used leaves go on, and checkpoints wait."""

    def __init__(self, keeper: Keeper, signer: Signer, period_seconds: float = PERIOD_SECONDS) -> None:
        self._keeper = keeper
        self._signer = signer
        self._period_seconds = period_seconds
        self._waits_for = ""

    async def run(self) -> None:
        """Signs until cancelled."""
        while True:
            try:
                await self.step()
            except Exception as error:
                self._waits_for = getattr(error, "reason", type(error).__name__)
                log.warning("checkpoint_waits", reason=self._waits_for)
            else:
                self._waits_for = ""
            await asyncio.sleep(self._period_seconds)

    async def step(self) -> None:
        """Signs the log's head if it has grown since the latest checkpoint; raises what signing raises."""
        due = await self._keeper.checkpoint_due()
        if due is not None:
            await self._keeper.record_checkpoint(due, await self._signer.sign(due.text()))

    async def problem(self) -> str | None:
        """Gives why checkpoints wait, or None: a readiness probe."""
        return f"checkpoints wait: {self._waits_for}" if self._waits_for else None
