"""The index in PostgreSQL, to write and to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_kernel.store import EventStore
from ringfence_local_stack.servers.database import Database


@pytest.fixture
def connection(audit_database: Database) -> Iterator[Any]:
    """A connection of the service's own role."""
    with psycopg.connect(audit_database.app_conninfo, row_factory=dict_row) as connected:
        yield connected


@pytest.fixture
def reader(audit_store: EventStore) -> RunReader:
    """A reader that has cached nothing."""
    return RunReader(audit_store)
