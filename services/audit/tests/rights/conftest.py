"""Logs that readers of some platforms read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from ringfence_kernel.store import EventStore
from ringfence_local_stack.pytest_plugin import FilledDatabase

from ..conftest import migrate
from .readers import World, living


@pytest.fixture
def stores(filled_database: FilledDatabase) -> Iterator[list[EventStore]]:
    """Two empty logs."""
    made = [EventStore(filled_database("audit", migrate).app_conninfo, settle_seconds=10) for _ in range(2)]
    yield made
    for store in made:
        store.close()


@pytest.fixture
async def world(stores: list[EventStore]) -> AsyncIterator[World]:
    """A log with another platform."""
    async with living(stores[0], is_shared=True) as made:
        yield made
