"""What the log says of its index under the next checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog
from ringfence_kernel.values.switching import while_switching

from ringfence_audit.index.application.ports import Runs
from ringfence_audit.index.domain.errors import IndexDamaged, IndexMoved
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES
from ringfence_audit.index.domain.runs import index_root
from ringfence_audit.log.domain.state_leaf import LARGEST_LAG, NO_INDEX, IndexHead

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 0.25
"""For how long a checkpoint waits for the index; most often it is there at once, and else the next one has more."""


@dataclass(frozen=True, slots=True)
class Vouching:
    """Says how far the index goes, and its root, after a moment in which it may catch up by `caught_up`."""

    runs: Runs
    caught_up: Callable[[], Awaitable[None]]
    patience_seconds: float = PATIENCE_SECONDS

    async def __call__(self) -> IndexHead:
        """Gives the newest head whose runs lead to their roots; nothing of an index that is damaged or being filled.

        Raises StoreUnavailable.
        """
        is_late = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience_seconds):
                await self.caught_up()
                is_late = False
        return await asyncio.to_thread(while_switching, partial(self._newest, is_late))

    def _newest(self, is_late: bool) -> IndexHead:
        try:
            size = self.runs.size()
            if is_late and size > LARGEST_LAG:
                # How late is not known; at the end of a bundle it does not matter (docs/formats.md, complete answers).
                size -= size % BUNDLE_LEAVES
            return IndexHead(size, index_root(self.runs.cover(size).runs))
        except (IndexDamaged, IndexMoved) as error:
            # Checkpoints go on, and say that they vouch for no index.
            log.error("index_not_vouched_for", reason=error.reason, **error.metadata)
            return NO_INDEX
