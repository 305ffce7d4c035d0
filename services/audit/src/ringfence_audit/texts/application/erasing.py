"""Wipes what is about the erased, in parts, and fills the links by which that is found, in the process that leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
    """Goes on where the last term ended, or a release that keeps neither texts nor links.

    `size` gives how many leaves are committed.
    """

    state: State
    texts: Erasable
    leaves: Leaves
    link_in: Callable[[int, bytes], Link | None]
    tenant_in: Callable[[bytes], bytes | None]
    size: Callable[[], Awaitable[int]]
    _until: int = field(default=0, init=False)
    _stood: int = field(default=0, init=False)

    async def begin(self, size: int) -> None:
        """Has nothing shown of the erased, and links filled up to a size of the log: later leaves bring their own."""
        self._until = self._stood = size
        if self.state.erased:
            await asyncio.to_thread(self.texts.mark, list(self.state.erased))

    async def look(self) -> None:
        """Fills all links, and then wipes until nothing is left."""
        at = await asyncio.to_thread(self.texts.reached)
        while at < self._until:
            at = await asyncio.to_thread(self._fill, at)
        await self._note_reach()
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

    async def _note_reach(self) -> None:
        """Notes that all leaves of this term have brought their links, so that the next one does not look for them."""
        # Up to where the log stood a look ago: whoever led before may have been heard late.
        size, self._stood = self._stood, await self.size()
        if size >= self._until + LEAVES_AT_ONCE:
            await asyncio.to_thread(self.texts.link, [], size, (), {})
            self._until = size

    def _fill(self, at: int) -> int:
        end = min(at + LEAVES_AT_ONCE, self._until)
        found, tenants = list[Link](), dict[int, bytes]()
        for index, leaf in self.leaves.leaves_between(at, end, 0, 0):
            if link := self.link_in(index, leaf):
                found.append(link)
            if (tenant := self.tenant_in(leaf)) is not None:
                tenants[index] = tenant
        self.texts.link(found, end, self.state.erased.keys(), tenants)
        return end
