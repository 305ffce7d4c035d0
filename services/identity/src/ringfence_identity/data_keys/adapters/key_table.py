"""Rows of wrapped data keys in PostgreSQL; every call blocks, so it is made from threads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from ringfence_kernel.store import EventStore

LOAD = "SELECT subject, wrapped FROM data_keys WHERE subject = ANY(%s)"
INSERT = """
INSERT INTO data_keys (subject, wrapped) SELECT * FROM unnest(%s::uuid[], %s::text[])
ON CONFLICT DO NOTHING RETURNING subject
"""
DESTROY = """
INSERT INTO data_keys (subject, wrapped, destroyed_at)
SELECT subject, NULL, clock_timestamp() FROM unnest(%s::uuid[]) AS subject
ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, destroyed_at = excluded.destroyed_at
WHERE data_keys.wrapped IS NOT NULL
"""

GoesWith: TypeAlias = Callable[[psycopg.Connection[Any], Sequence[bytes]], None]
"""Takes away what goes with subjects' keys, inside the caller's transaction."""


@dataclass(frozen=True, slots=True)
class KeyTable:
    """Keeps one row per subject: its wrapped key, or the fact that it was destroyed; `goes_with` goes with keys."""

    store: EventStore
    goes_with: GoesWith = lambda connection, subjects: None

    def load(self, subjects: Sequence[bytes]) -> dict[bytes, str | None]:
        """Returns the wrapped keys of those that have a row, None for destroyed ones."""
        with self.store.connection() as connection:
            rows = connection.execute(LOAD, (_uuids(subjects),)).fetchall()
        return {row["subject"].bytes: row["wrapped"] for row in rows}

    def insert(self, wrapped: Mapping[bytes, str]) -> set[bytes]:
        """Adds rows where there are none; returns the subjects whose rows were added."""
        with self.store.connection() as connection:
            rows = connection.execute(INSERT, (_uuids(list(wrapped)), list(wrapped.values()))).fetchall()
        return {row["subject"].bytes for row in rows}

    def destroy(self, subjects: Sequence[bytes]) -> int:
        """Destroys keys, whether they are there or not; returns how many there were to destroy."""
        with self.store.connection() as connection, connection.transaction():
            return self.destroy_within(connection, subjects)

    def destroy_within(self, connection: psycopg.Connection[Any], subjects: Sequence[bytes]) -> int:
        """Does so inside the caller's transaction. A row stays behind, so that none is ever made for them again."""
        destroyed = connection.execute(DESTROY, (_uuids(subjects),)).rowcount
        self.goes_with(connection, subjects)
        return destroyed


def _uuids(subjects: Sequence[bytes]) -> list[UUID]:
    return [UUID(bytes=subject) for subject in subjects]
