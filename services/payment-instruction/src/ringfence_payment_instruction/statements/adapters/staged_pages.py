"""The table of pages and files that are kept until they are decided on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.recorder import Within

from ringfence_payment_instruction.rail.application.ports import Sealed

KEEP = """INSERT INTO statement_page VALUES (%b, %b, %b, %b, %b) ON CONFLICT (telling, number) DO UPDATE
SET digest = excluded.digest, wrapped_key = excluded.wrapped_key, envelope = excluded.envelope"""
LOAD = "SELECT number, digest, wrapped_key, envelope FROM statement_page WHERE telling = %b"
DROP = "DELETE FROM statement_page WHERE telling = %b"


@dataclass(frozen=True, slots=True)
class StoredPages:
    """The StagedPages port."""

    store: EventStore

    def keep(self, telling: bytes, number: int, digest: bytes, sealed: Sealed) -> Within:
        """Returns what keeps a page, inside a commit."""
        row = (UUID(bytes=telling), number, digest, sealed.wrapped_key, sealed.envelope)

        def write(connection: psycopg.Connection[Any]) -> None:
            connection.execute(KEEP, row)

        return write

    def load(self, telling: bytes) -> Mapping[int, tuple[bytes, Sealed]]:
        """Returns the pages of a set by their numbers."""
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOAD, (UUID(bytes=telling),)).fetchall()
        return {number: (digest, Sealed(wrapped_key, envelope)) for number, digest, wrapped_key, envelope in rows}

    def drop(self, telling: bytes) -> Within:
        """Returns what lets a set go, inside a commit."""

        def write(connection: psycopg.Connection[Any]) -> None:
            connection.execute(DROP, (UUID(bytes=telling),))

        return write
