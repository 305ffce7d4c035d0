"""The table of entries that were credited to suspense: filled with the events, and asked before money leaves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from ringfence_payment_instruction.deposits.domain.evidence import CREDITS, EvidenceFile, Outcome

INSERT = (
    "INSERT INTO suspended_entries SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::int[])"
    " ON CONFLICT DO NOTHING"
)
INSERT_NAMES = "INSERT INTO entry_names SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[]) ON CONFLICT DO NOTHING"
LOOK_UP_NAME = "SELECT entry FROM entry_names WHERE tenant = %b::uuid AND named = %b::uuid"
LOOK_UP = "SELECT uuid_send(stream), entry_index FROM suspended_entries WHERE tenant = %b::uuid AND entry = %b::uuid"


class SuspendedEntriesModel(InlineModel):
    """One row per entry whose money custody has put into suspense, and per name of one that may come there."""

    name = "suspended-entries"
    tables: Sequence[str] = ("suspended_entries", "entry_names")

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
        found = []
        if rows:
            tenants, entries, streams, indexes = zip(*rows, strict=True)
            found.append(Insertion(INSERT, [Uuids(tenants), Uuids(entries), Uuids(streams), list(indexes)]))
        if named := list(_named(recorded)):
            tenants, names, entries = zip(*named, strict=True)
            found.append(Insertion(INSERT_NAMES, [Uuids(tenants), Uuids(names), Uuids(entries)]))
        return found


def _named(recorded: Sequence[Recorded]) -> Iterator[tuple[bytes, bytes, bytes]]:
    for each in recorded:
        event = each.event
        if isinstance(event, EvidenceReceived) and event.named_ids:
            rows = zip(split_ids(event.named_ids), split_ids(event.entry_ids), event.purposes, strict=True)
            yield from ((event.tenant, named, entry) for named, entry, purpose in rows if purpose in CREDITS)


@dataclass(frozen=True, slots=True)
class StoredSuspendedEntries:
    """Reads suspended entries from the table and the event store."""

    store: EventStore
    codec: EventCodec

    def find(self, tenant: bytes, entry: bytes) -> tuple[EvidenceFile, int] | None:
        """Returns the file of a tenant's suspended entry with all that became of it, and the entry's place there.

        It may be named by its id or, where that says which, by account and reference.
        """
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            asked = (UUID(bytes=tenant), UUID(bytes=entry))
            named = cursor.execute(LOOK_UP_NAME, asked).fetchone()
            row = cursor.execute(LOOK_UP, (asked[0], named[0] if named else asked[1])).fetchone()
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
