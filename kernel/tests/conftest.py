"""Fixtures of the kernel's tests: a migrated event store on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ringfence_kernel.store import EventStore, apply_migrations, event_store_migrations
from ringfence_local_stack.servers.database import Database

from .tally import MIGRATION


@pytest.fixture
def migrated(database: Callable[[str], Database]) -> Database:
    """A fresh database with the tables of the event store."""
    fresh = database("custody")
    apply_migrations(fresh.owner_conninfo, fresh.app_role, event_store_migrations())
    return fresh


@pytest.fixture
def store(migrated: Database) -> Iterator[EventStore]:
    """An event store opened with the append-only role, for clocks that move only when told."""
    migrated.let_clocks_differ()
    opened = EventStore(migrated.app_conninfo, settle_seconds=15)
    yield opened
    opened.close()


@pytest.fixture
def tally_store(migrated: Database, store: EventStore) -> EventStore:
    """The event store of a database that has the table of counts as well."""
    apply_migrations(migrated.owner_conninfo, migrated.app_role, [MIGRATION])
    return store
