"""Processes that compete to lead, in one event loop, for the tests of leadership."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.service import Task
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.store import EventStore, Lease
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.writing.writer import GroupWriter

from ..tally import CODEC, Tally, count

TAKEOVER_SECONDS = 2.0


@dataclass
class Process:
    """What a process of a service is, as far as leading goes."""

    conninfo: str
    heard: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Opens the store and stands at its beginning."""
        self.store = EventStore(self.conninfo, settle_seconds=15)
        self.writer = GroupWriter(self.store, CODEC, Tally(), SystemClock())
        self.lease = Lease(self.conninfo)
        self.is_fit = True
        self.leadership = Leadership(self.lease, self.writer, lambda: self.is_fit)
        self.leadership.subscribe(self.hear)

    async def hear(self, is_leading: bool) -> None:
        """Takes note of a term's beginning or end."""
        self.heard.append(is_leading)

    async def count(self, name: str = "a") -> int:
        """Counts up, as a caller of this process would."""
        with self.leadership:
            return int(await self.writer.commit(count(self.writer.state, name)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """Competes; at the end it gives up in order."""

        def end_process() -> None:
            pytest.fail("a critical task has failed")

        writing = Task("writer", self.writer.run, critical=True)
        self.task = task = asyncio.create_task(self.leadership.run([writing], end_process))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.store.close()


async def until(true: Callable[[], bool], seconds: float = TAKEOVER_SECONDS) -> None:
    """Waits for a condition, within a bound."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def counted(process: Process) -> int:
    """Counts up with patience."""
    while True:
        try:
            return await process.count()
        except (NotLeader, StoreUnavailable):
            await asyncio.sleep(0.02)
