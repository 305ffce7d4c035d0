"""A writer for the tests of writing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.writing.writer import GroupWriter

from ..tally import CODEC, Tally


@pytest.fixture
async def writer(store: EventStore) -> AsyncIterator[GroupWriter]:
    """A running writer over an empty store."""
    made = GroupWriter(store, CODEC, Tally(), ManualClock(1_000))
    made.load()
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
