"""The feed's chain as PostgreSQL computes it: the migration that is applied everywhere, and the published vectors."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from ringfence_kernel.store import apply_migrations, event_store_migrations
from ringfence_kernel.store.chain import CHAIN_HASH_SQL

from tests.architecture.documents import vectors
from tests.stores import keeping

KEPT = sorted((Path(__file__).parent / "kept").glob("*/*.tar.xz"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}/{file.name.split('.')[0]}")
def test_an_applied_migration_stays_byte_for_byte(file: Path) -> None:
    """The first migration, put together from the chain's expression, is the one that kept stores were made by."""
    with tarfile.open(file) as archive:
        schema = archive.extractfile(keeping.SCHEMA)
        assert schema is not None
        applied = schema.read().decode()
    first = event_store_migrations()[0].statements
    assert CHAIN_HASH_SQL in first
    assert first in applied


def test_the_database_chains_as_the_vectors_say(database: Callable[[str], Any]) -> None:
    """`append_events` gives an event the hash that docs/formats.md shows, as `chain_hash` does."""
    fresh = database("custody")
    owner = fresh.owner_conninfo
    apply_migrations(owner, fresh.app_role, event_store_migrations())
    fresh.let_clocks_differ()
    assert vectors("feed_chain")
    with psycopg.connect(owner, autocommit=True) as connection:
        for vector in vectors("feed_chain"):
            before = vector["position"] - 1
            connection.execute(
                "UPDATE feed_head SET position = %s, hash = %s", (before, bytes.fromhex(vector["previous"]))
            )
            row = connection.execute(
                "SELECT hash FROM append_events(%s, 0, 0, %s::uuid[], %s::bigint[], %s::text[], %s::bytea[])",
                (
                    before,
                    [UUID(vector["stream"])],
                    [vector["version"]],
                    [vector["topic"]],
                    [bytes.fromhex(vector["state"])],
                ),
            ).fetchone()
            assert row is not None
            assert row[0].hex() == vector["hash"]
