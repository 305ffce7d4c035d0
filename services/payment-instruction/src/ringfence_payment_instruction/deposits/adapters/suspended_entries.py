"""The table of entries that were credited to suspense: filled with the events, and asked before money leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_payment_instruction.deposits.domain.events import EvidenceApplied, EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile, Outcome

INSERT = (
    "INSERT INTO suspended_entries SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::int[])"
    " ON CONFLICT DO NOTHING"
)
LOOK_UP = "SELECT uuid_send(stream), entry_index FROM suspended_entries WHERE tenant = %b::uuid AND entry = %b::uuid"


class SuspendedEntriesModel(InlineModel):
    """One row per entry whose money custody has put into suspense."""

    name = "suspended-entries"
    tables: Sequence[str] = ("suspended_entries",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the entries that these events put into suspense."""
        rows = [
            (each.event.tenant, entry, each.stream, index)
            for each in recorded
            if isinstance(each.event, EvidenceApplied)
            for entry, index, outcome in zip(
                split_ids(each.event.entry_ids), unpack("I", each.event.indexes), each.event.outcomes, strict=True
            )
            if outcome == Outcome.SUSPENDED
        ]
        if not rows:
            return []
        tenants, entries, streams, indexes = zip(*rows, strict=True)
        return [Insertion(INSERT, [Uuids(tenants), Uuids(entries), Uuids(streams), list(indexes)])]


@dataclass(frozen=True, slots=True)
class StoredSuspendedEntries:
    """Reads suspended entries from the table and the event store."""

    store: EventStore
    codec: EventCodec

    def find(self, tenant: bytes, entry: bytes) -> tuple[EvidenceFile, int] | None:
        """Returns the file of a tenant's suspended entry with all that became of it, and the entry's place there."""
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            row = cursor.execute(LOOK_UP, (UUID(bytes=tenant), UUID(bytes=entry))).fetchone()
        if row is None:
            return None
        stream, index = row
        file: EvidenceFile | None = None
        for each in self.store.replay_streams(self.codec, [stream]):
            if isinstance(each.event, EvidenceReceived):
                file = EvidenceFile(stream, each.position, each.event)
            elif isinstance(each.event, EvidenceApplied) and file is not None:
                for at, reason in zip(unpack("I", each.event.indexes), each.event.reasons, strict=True):
                    file.reasons[at] = reason or file.reasons[at]
        return None if file is None else (file, index)
