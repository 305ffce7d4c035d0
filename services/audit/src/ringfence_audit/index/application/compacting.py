"""Gives back what merged runs have left on disk, in the process that leads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.index.application.ports import RunFiles
from ringfence_audit.log.domain.events import CheckpointSigned

LOOK_SECONDS = 10.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 300.0, 4 * 3_600.0
"""How long a level is left alone whose files stay as large as they were, twice as long each time."""
_LOG = logs.get(__name__)


class _Pause(NamedTuple):
    """Until when a level is left alone, and for how long by then; seconds of `Compacting.now`."""

    until: float
    seconds: float


@dataclass(slots=True)
class Compacting:
    """Looks once at the beginning, then some time after checkpoints, with which runs go; again where it was held up.

    Whoever reads an older state of the database, wherever, has the server keep what is gone: then files that are
    written anew are no smaller, and all who use them have waited for nothing. `now` is a monotonic clock, in seconds.
    """

    files: RunFiles
    look_seconds: float = LOOK_SECONDS
    now: Callable[[], float] = time.monotonic
    _pauses: dict[int, _Pause] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, recorded: Sequence[Recorded]) -> None:
        """Takes note of what was committed."""
        if any(isinstance(each.event, CheckpointSigned) for each in recorded):
            self._news.set()

    async def run(self) -> None:
        """Looks until cancelled."""
        self._news.set()
        while True:
            await self._news.wait()
            await asyncio.sleep(self.look_seconds)
            self._news.clear()
            if not await self.look():
                self._news.set()

    async def look(self) -> bool:
        """Compacts each level that wants it; False where one has to wait."""
        try:
            wasteful = await asyncio.to_thread(self.files.wasteful)
            self._pauses = {level: self._pauses[level] for level in wasteful if level in self._pauses}
            done = [await self._compact(level) for level in wasteful]
        except StoreUnavailable:
            return False
        return all(done)

    async def _compact(self, level: int) -> bool:
        """Compacts a level; False where it has to wait, also for whoever has the server keep what is gone."""
        before = self._pauses.get(level)
        if before is not None and self.now() < before.until:
            return False
        if not await asyncio.to_thread(self.files.compact, level):
            return False
        if level not in await asyncio.to_thread(self.files.wasteful):
            self._pauses.pop(level, None)
            _LOG.info("runs_compacted", level=level)
            return True
        seconds = min(2 * before.seconds, LONGEST_PAUSE_SECONDS) if before else FIRST_PAUSE_SECONDS
        self._pauses[level] = _Pause(self.now() + seconds, seconds)
        _LOG.warning("runs_not_compacted", level=level, pause_seconds=seconds)
        return False
