"""Fixtures of the kernel's tests: a migrated event store on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence_kernel.store import EventStore, apply_migrations, event_store_migrations
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database

from .tally import MIGRATION


def migrate(database: Database) -> None:
    """Makes the tables of the event store."""
    apply_migrations(database.owner_conninfo, database.app_role, event_store_migrations())


@pytest.fixture
def migrated(filled_database: FilledDatabase) -> Database:
    """A fresh database with the tables of the event store."""
    return filled_database("custody", migrate)


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
