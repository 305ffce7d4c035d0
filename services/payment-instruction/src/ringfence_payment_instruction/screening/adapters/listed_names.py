"""The table of what lists call those whom they name: kept beside the log, which has fingerprints of it alone."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.writing import plain

from ringfence_payment_instruction.screening.domain.entries import Entry

Names = dict[str, list[str]]
# A later release may read more in the same files.
KEEP = """INSERT INTO listed_names AS kept VALUES (%b, %b, %b) ON CONFLICT (list_name, digest)
DO UPDATE SET names = excluded.names WHERE kept.names <> excluded.names"""
DROP = "DELETE FROM listed_names WHERE list_name = %b AND NOT (digest = ANY(%b))"
LOAD = "SELECT names FROM listed_names WHERE list_name = %b AND digest = %b"


@dataclass(frozen=True, slots=True)
class StoredListedNames:
    """The ListedNames port."""

    store: EventStore

    def packed(self, entries: Sequence[Entry]) -> bytes:
        """Returns the names of entries as they are kept; some 20 milliseconds for ten thousand names."""
        return zlib.compress(plain.encode({each.reference: [name.text for name in each.names] for each in entries}))

    def keep(self, list_name: str, digest: bytes, packed: bytes, others: Collection[bytes]) -> Within:
        """Returns what keeps the names of an edition, inside a commit, beside those of `others` alone."""
        kept = [digest, *others]

        def write(connection: psycopg.Connection[Any]) -> None:
            connection.execute(KEEP, (list_name, digest, packed))
            connection.execute(DROP, (list_name, kept))

        return write

    def load(self, list_name: str, digest: bytes) -> Mapping[str, Sequence[str]]:
        """Returns the names of an edition by the reference of their entry; none where they were not kept."""
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            row = cursor.execute(LOAD, (list_name, digest)).fetchone()
        return {} if row is None else plain.decode(memoryview(zlib.decompress(row[0])), Names)
