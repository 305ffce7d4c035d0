"""Wipes what is about the erased, in parts, and fills the links by which that is found, in the process that leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

from ringfence_audit.log.domain.texts import Link
from ringfence_audit.texts.application.ports import Erasable
from ringfence_audit.texts.domain.state import State

LEAVES_AT_ONCE = 16_384
LOOK_SECONDS = 5.0
_LOG = logs.get(__name__)


class Leaves(Protocol):
    """Reads the log."""

    def leaves_between(
        self, from_leaf: int, until_leaf: int, from_ns: int, until_ns: int
    ) -> Iterable[tuple[int, bytes]]:
        """Yields the leaves of a range with their indexes; blocks."""


@dataclass(slots=True)
class Erasing:
    """Goes on where the last term ended, or a release that keeps neither texts nor links."""

    state: State
    texts: Erasable
    leaves: Leaves
    link_in: Callable[[int, bytes], Link | None]
    _until: int = field(default=0, init=False)

    async def begin(self, size: int) -> None:
        """Has nothing shown of the erased, and links filled up to a size of the log: later leaves bring their own."""
        self._until = size
        if self.state.erased:
            await asyncio.to_thread(self.texts.mark, list(self.state.erased))

    async def look(self) -> None:
        """Fills all links, and then wipes until nothing is left."""
        at = await asyncio.to_thread(self.texts.reached)
        while at < self._until:
            at = await asyncio.to_thread(self._fill, at)
        while await asyncio.to_thread(self.texts.wipe_some):
            pass

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            try:
                await self.look()
            except DomainError as error:
                _LOG.warning("erasing_waits", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    def _fill(self, at: int) -> int:
        end = min(at + LEAVES_AT_ONCE, self._until)
        between = self.leaves.leaves_between(at, end, 0, 0)
        found = [link for index, leaf in between if (link := self.link_in(index, leaf))]
        self.texts.link(found, end, self.state.erased.keys())
        return end
