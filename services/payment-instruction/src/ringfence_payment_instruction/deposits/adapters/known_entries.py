"""The table of bank entries that were ever handed in: filled with the events, and asked before decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import KnownEntries, entry_digests

INSERT = "INSERT INTO known_entries SELECT * FROM unnest(%b::uuid[], %b::bytea[]) ON CONFLICT DO NOTHING"
# How far the table has come, not where the feed stands: what is not there by then is not known to be new.
LOOK_UP = """
SELECT coalesce(reached.position, 0), uuid_send(known.entry), known.digest
FROM feed_head LEFT JOIN cursors reached ON reached.name = 'projection:known-entries'
    LEFT JOIN known_entries known ON known.entry = ANY(%b::uuid[])
"""


class KnownEntriesModel(InlineModel):
    """One row per entry."""

    name = "known-entries"
    tables: Sequence[str] = ("known_entries",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the entries that these events take in."""
        rows = [
            (UUID(bytes=entry), digest)
            for each in recorded
            if isinstance(each.event, EvidenceReceived)
            for entry, digest in zip(split_ids(each.event.entry_ids), entry_digests(each.event), strict=True)
        ]
        return [Insertion(INSERT, [list(column) for column in zip(*rows, strict=True)])] if rows else []


@dataclass(frozen=True, slots=True)
class StoredEntries:
    """The Entries port over the table."""

    store: EventStore

    def look_up(self, entry_ids: Sequence[bytes]) -> KnownEntries:
        """Returns the digests of those that were handed in, as of one position of the feed."""
        wanted = [UUID(bytes=entry) for entry in entry_ids]
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, (wanted,)).fetchall()
        return KnownEntries(rows[0][0], {entry: digest for _, entry, digest in rows if entry is not None})
