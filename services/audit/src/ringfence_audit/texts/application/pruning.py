"""Takes away texts that are older than their class is kept; tiles, leaves and proofs stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

from ringfence_audit.log.application.commands import RecordPruned
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.texts.application.ports import Prunable
from ringfence_audit.texts.domain.retention import day_of, last_days
from ringfence_audit.texts.domain.state import State

LOOK_SECONDS = 3_600.0
_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Pruning:
    """Looks every hour, in the process that leads; a class's texts of one day go together, and are one fact."""

    record: RecordPruned
    state: State
    texts: Prunable
    now_ns: Callable[[], int]

    async def look(self) -> None:
        """Prunes until nothing is kept too long but what orders hold."""
        ends = last_days(day_of(self.now_ns()))
        while old := await asyncio.to_thread(self.texts.oldest, ends, list(self.state.held)):
            for each, day in old.items():
                held = list(self.state.held)
                stated: dict[str, Value] = {"retention": each.name, "day": day, "held": len(held)}
                await self.record(stated, partial(self.texts.prune, of=each, day=day, held=held))
                _LOG.info("texts_pruned", retention=each.name, day=day)

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            try:
                await self.look()
            except DomainError as error:
                _LOG.warning("pruning_waits", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
