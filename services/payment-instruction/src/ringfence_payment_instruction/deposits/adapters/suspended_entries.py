"""The table of entries that were credited to suspense: filled with the events, and asked before money leaves it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_payment_instruction.deposits.domain.events import EvidenceApplied, EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import CREDITS, EvidenceFile, Outcome
from ringfence_payment_instruction.deposits.domain.suspended import EntryRef, LyingEntry
from ringfence_payment_instruction.submissions.domain.submission import slot

INSERT = (
    "INSERT INTO suspended_entries SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::int[])"
    " ON CONFLICT DO NOTHING"
)
CLAIM = (
    "INSERT INTO suspense_claims SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[])"
    " ON CONFLICT DO NOTHING"
)
CLAIMED = (
    "SELECT coalesce(sum(amount_minor), 0)::bigint FROM suspense_claims WHERE tenant = %b::uuid AND origin = %b::uuid"
)
INSERT_UNALLOTTED = "INSERT INTO unallotted_entries SELECT * FROM unnest(%b::uuid[], %b::uuid[]) ON CONFLICT DO NOTHING"
UNALLOTTED = "SELECT uuid_send(entry) FROM unallotted_entries WHERE tenant = %b::uuid AND entry = ANY(%b::uuid[])"
SUSPENDED = "SELECT uuid_send(entry) FROM suspended_entries WHERE tenant = %b::uuid AND entry = ANY(%b::uuid[])"
INSERT_NAMES = "INSERT INTO entry_names SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[]) ON CONFLICT DO NOTHING"
LOOK_UP_NAME = "SELECT entry FROM entry_names WHERE tenant = %b::uuid AND named = %b::uuid"
CLAIMED_OF_EACH = (
    "SELECT uuid_send(origin), sum(amount_minor)::bigint FROM suspense_claims"
    " WHERE tenant = %b::uuid AND origin = ANY(%b::uuid[]) GROUP BY origin"
)
PAGE = (
    "SELECT uuid_send(entry), uuid_send(stream), entry_index FROM suspended_entries"
    " WHERE tenant = %b::uuid AND entry > %b::uuid ORDER BY entry LIMIT %b::int"
)
LOOK_UP = "SELECT uuid_send(stream), entry_index FROM suspended_entries WHERE tenant = %b::uuid AND entry = %b::uuid"


class SuspendedEntriesModel(InlineModel):
    """Rows of entries in suspense, what claims some of it, what people have forestalled, and names that they use."""

    name = "suspended-entries"
    tables: Sequence[str] = ("suspended_entries", "suspense_claims", "entry_names", "unallotted_entries")

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the entries that these events put into suspense, their claims, and their names."""
        return _suspended(recorded) + _unallotted(recorded) + _claimed(recorded) + _named(recorded)


def _suspended(recorded: Sequence[Recorded]) -> list[Insertion]:
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


def _unallotted(recorded: Sequence[Recorded]) -> list[Insertion]:
    rows = [
        (each.event.tenant, entry)
        for each in recorded
        if isinstance(each.event, EvidenceApplied)
        for entry, outcome in zip(split_ids(each.event.entry_ids), each.event.outcomes, strict=True)
        if outcome == Outcome.RECORDED
    ]
    if not rows:
        return []
    tenants, entries = zip(*rows, strict=True)
    return [Insertion(INSERT_UNALLOTTED, [Uuids(tenants), Uuids(entries)])]


def _claimed(recorded: Sequence[Recorded]) -> list[Insertion]:
    rows = [
        (each.event.tenant, origin, entry, amount)
        for each in recorded
        if isinstance(each.event, EvidenceReceived) and each.event.origins
        for origin, entry, amount in zip(
            split_ids(each.event.origins),
            split_ids(each.event.entry_ids),
            unpack("Q", each.event.amounts_minor),
            strict=True,
        )
        if origin != ZERO_ID
    ]
    if not rows:
        return []
    tenants, origins, entries, amounts = zip(*rows, strict=True)
    return [Insertion(CLAIM, [Uuids(tenants), Uuids(origins), Uuids(entries), list(amounts)])]


def _named(recorded: Sequence[Recorded]) -> list[Insertion]:
    rows = [
        (each.event.tenant, named, entry)
        for each in recorded
        if isinstance(each.event, EvidenceReceived) and each.event.named_ids
        for named, entry, purpose in zip(
            split_ids(each.event.named_ids), split_ids(each.event.entry_ids), each.event.purposes, strict=True
        )
        if purpose in CREDITS
    ]
    if not rows:
        return []
    tenants, names, entries = zip(*rows, strict=True)
    return [Insertion(INSERT_NAMES, [Uuids(tenants), Uuids(names), Uuids(entries)])]


class _AppliedFile(NamedTuple):
    """A file with all that became of its entries, and when custody answered last for each, by its place, UTC ns."""

    file: EvidenceFile
    applied_ns: dict[int, int]


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
        found = self._files([stream]).get(stream)
        return None if found is None else (found.file, index)

    def page(self, tenant: bytes, after: bytes, most: int) -> list[EntryRef]:
        """Returns where a tenant's suspended entries stand in their files, in order of their ids, after one."""
        asked = (UUID(bytes=tenant), UUID(bytes=after), most)
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return [EntryRef(*row) for row in cursor.execute(PAGE, asked)]

    def lying(self, tenant: bytes, refs: Sequence[EntryRef]) -> list[LyingEntry]:
        """Returns entries as they came to suspense, without those of which others have allotted or taken all."""
        files = self._files(list(dict.fromkeys(each.stream for each in refs)))
        columns = {stream: each.file.columns() for stream, each in files.items()}
        claimed = self._claimed(tenant, [each.entry for each in refs])
        found = []
        for entry, stream, index in refs:
            file, suspended_ns = files[stream]
            amounts, ledgers, _ = columns[stream]
            left_minor = amounts[index] - claimed.get(entry, 0)
            if left_minor > 0:
                mirror = slot(file.event.mirror_accounts, index)
                texts = file.event.references[index], file.reasons[index]
                found.append(LyingEntry(entry, left_minor, ledgers[index], *texts, mirror, suspended_ns[index]))
        return found

    def _files(self, streams: Sequence[bytes]) -> dict[bytes, _AppliedFile]:
        """Returns files with all that became of their entries, and when the last of that became of each."""
        found: dict[bytes, _AppliedFile] = {}
        for each in self.store.replay_streams(self.codec, streams):
            if isinstance(each.event, EvidenceReceived):
                found[each.stream] = _AppliedFile(EvidenceFile(each.stream, each.position, each.event), {})
            elif isinstance(each.event, EvidenceApplied) and each.stream in found:
                file, applied_ns = found[each.stream]
                for at, reason in zip(unpack("I", each.event.indexes), each.event.reasons, strict=True):
                    file.reasons[at] = reason or file.reasons[at]
                    applied_ns[at] = each.recorded_at_ns
        return found

    def _claimed(self, tenant: bytes, entries: Sequence[bytes]) -> dict[bytes, int]:
        asked = (UUID(bytes=tenant), [UUID(bytes=each) for each in entries])
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return dict(cursor.execute(CLAIMED_OF_EACH, asked).fetchall())

    def claimed_minor(self, tenant: bytes, entry: bytes) -> int:
        """Returns how much of a tenant's entry others have allotted, or taken back, minor units."""
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            row = cursor.execute(CLAIMED, (UUID(bytes=tenant), UUID(bytes=entry))).fetchone()
        return 0 if row is None else int(row[0])

    def suspended(self, tenant: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of a tenant's entries whose money custody has put into suspense."""
        return self._those(SUSPENDED, tenant, entries)

    def unallotted(self, tenant: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of a tenant's entries that were to allot what people had decided about before."""
        return self._those(UNALLOTTED, tenant, entries)

    def _those(self, query: LiteralString, tenant: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        wanted = [UUID(bytes=each) for each in entries]
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return frozenset(row[0] for row in cursor.execute(query, (UUID(bytes=tenant), wanted)))
