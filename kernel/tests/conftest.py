"""Fixtures of the kernel's tests: a migrated event store on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from ringfence_kernel.store import EventStore, apply_migrations, event_store_migrations
from ringfence_local_stack.servers.database import Database

from .tally import MIGRATION


@pytest.fixture
def migrated(database: Callable[[str], Database]) -> Database:
    """A fresh database with the tables of the event store."""
    fresh = database("custody")
    apply_migrations(owner_conninfo(fresh), fresh.app_role, event_store_migrations())
    return fresh


@pytest.fixture
def store(migrated: Database) -> Iterator[EventStore]:
    """An event store opened with the append-only role."""
    opened = EventStore(application_conninfo(migrated), settle_seconds=15)
    yield opened
    opened.close()


@pytest.fixture
def tally_store(migrated: Database, store: EventStore) -> EventStore:
    """The event store of a database that has the table of counts as well."""
    apply_migrations(owner_conninfo(migrated), migrated.app_role, [MIGRATION])
    return store


def owner_conninfo(database: Database) -> str:
    """Returns the owner's connection string."""
    return psycopg.conninfo.make_conninfo(database.owner_url, password=database.owner_password)


def application_conninfo(database: Database) -> str:
    """Returns the service's own connection string."""
    return psycopg.conninfo.make_conninfo(database.app_url, password=database.app_password)
