"""The tables of movements and exceptions: filled with the events, and asked where memory has let go of a bank's day."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_payment_instruction.statements.application.ports import PastMovement
from ringfence_payment_instruction.statements.domain.columns import INCOMING, REVERSAL, lists_of, rows_of
from ringfence_payment_instruction.statements.domain.events import (
    REPLACED,
    BankMovements,
    DebitsExplained,
    ExceptionWorkedOff,
    MovementsTold,
    MovementsToldAgain,
    StatementExcepted,
    StatementTaken,
)
from ringfence_payment_instruction.statements.domain.exceptions import OpenException
from ringfence_payment_instruction.statements.domain.published import MovementState
from ringfence_payment_instruction.statements.domain.told import Told, all_references

MOVEMENTS = """INSERT INTO bank_movement
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::int[], %b::bigint[], %b::int[], %b::uuid[])
ON CONFLICT (movement) DO UPDATE SET state = excluded.state, day = excluded.day, amount_minor = excluded.amount_minor,
    marks = excluded.marks, entry = excluded.entry"""
PAYMENTS = """INSERT INTO movement_payment
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[]) ON CONFLICT DO NOTHING"""
REFERENCES = """INSERT INTO movement_reference
SELECT * FROM unnest(%b::uuid[], %b::bytea[], %b::uuid[]) ON CONFLICT DO NOTHING"""
EXCEPTIONS = """INSERT INTO statement_exception
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[], %b::bigint[], %b::bytea[], %b::int[],
    %b::text[], %b::int[], %b::int[], %b::int[])
ON CONFLICT (telling) DO UPDATE SET position = excluded.position, recorded_ns = excluded.recorded_ns,
    digest = excluded.digest, kind = excluded.kind, text = excluded.text, outcome = excluded.outcome"""
ENDS = """UPDATE statement_exception SET outcome = ended.outcome
FROM unnest(%b::uuid[], %b::int[]) AS ended (telling, outcome)
WHERE statement_exception.telling = ended.telling AND statement_exception.outcome = 0"""
LOOK_UP = """SELECT uuid_send(found.movement), found.day, found.amount_minor, found.marks, uuid_send(found.entry),
    named.reference
FROM movement_reference named JOIN bank_movement found USING (movement)
WHERE named.mirror = %b AND named.reference = ANY(%b::bytea[]) AND found.state = %b"""
MOVED_BY = "SELECT uuid_send(entry) FROM bank_movement WHERE mirror = %b AND entry = ANY(%b::uuid[])"
SHOWN = "SELECT uuid_send(transfer) FROM movement_payment WHERE mirror = %b AND transfer = ANY(%b::uuid[])"
OPEN = """SELECT uuid_send(telling), uuid_send(tenant), uuid_send(mirror), position, recorded_ns, digest, kind, text,
    first_day, last_day
FROM statement_exception WHERE mirror = %b AND outcome = 0 AND position > %b ORDER BY position LIMIT %b"""
_Exception = tuple[Any, ...]


class BankMovementsModel(InlineModel):
    """One row per movement, per reference, per payment that it is, and per exception."""

    name = "bank-movements"
    tables: Sequence[str] = ("bank_movement", "movement_payment", "movement_reference", "statement_exception")

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the rows of these events: each once, as it stands after them."""
        movements = {row[0]: row for each in recorded for row in _movements(each.event)}
        references = dict.fromkeys(row for each in recorded for row in _references(each.event))
        excepted, ended = _exceptions(recorded)
        found = []
        if movements:
            ids, mirrors, *columns, entries = zip(*movements.values(), strict=True)
            found.append(Insertion(MOVEMENTS, [Uuids(ids), Uuids(mirrors), *map(list, columns), Uuids(entries)]))
        if payments := dict.fromkeys(row for each in recorded for row in _payments(each.event)):
            found.append(Insertion(PAYMENTS, [Uuids(column) for column in zip(*payments, strict=True)]))
        if references:
            mirrors, texts, ids = zip(*references, strict=True)
            found.append(Insertion(REFERENCES, [Uuids(mirrors), list(texts), Uuids(ids)]))
        if excepted:
            tellings, tenants, mirrors, *columns = zip(*excepted.values(), strict=True)
            found.append(Insertion(EXCEPTIONS, [Uuids(tellings), Uuids(tenants), Uuids(mirrors), *map(list, columns)]))
        if ended:
            found.append(Insertion(ENDS, [Uuids(list(ended)), list(ended.values())]))
        return found


def _movements(event: Any) -> Iterator[tuple[bytes, bytes, int, int, int, int, bytes]]:
    if isinstance(event, BankMovements):
        columns = (event.states, unpack("i", event.days), unpack("Q", event.amounts_minor), event.marks)
        rows = zip(split_ids(event.movement_ids), *columns, split_ids(event.entry_ids), strict=True)
        for movement, state, day, amount, marks, entry in rows:
            yield movement, event.mirror, state, day, amount, marks, entry


def _payments(event: Any) -> Iterator[tuple[bytes, bytes, bytes]]:
    if isinstance(event, DebitsExplained):
        for movement, transfer in zip(split_ids(event.movement_ids), split_ids(event.transfer_ids), strict=True):
            if transfer != ZERO_ID:
                yield event.mirror, transfer, movement


def _references(event: Any) -> Iterator[tuple[bytes, bytes, bytes]]:
    if isinstance(event, MovementsTold):
        told = zip(split_ids(event.movement_ids), rows_of(event), strict=True)
    elif isinstance(event, MovementsToldAgain):
        members = lists_of(event.member_counts, event.members)
        told = zip([ids[0] if len(ids) == 1 else b"" for ids in members], rows_of(event), strict=True)
    else:
        return
    for movement, entry in told:
        for each in all_references(entry) if movement else ():
            yield event.mirror, each, movement


def _exceptions(recorded: Sequence[Recorded]) -> tuple[dict[bytes, _Exception], dict[bytes, int]]:
    """Returns exceptions as they stand after these events, and those of earlier ones that have ended."""
    excepted: dict[bytes, _Exception] = {}
    ended: dict[bytes, int] = {}
    for each in recorded:
        event = each.event
        if isinstance(event, StatementExcepted):
            excepted[event.telling] = (
                event.telling, event.tenant, event.mirror, each.position, each.recorded_at_ns, event.digest,
                event.kind, event.text, event.first_day, event.last_day, 0,
            )  # fmt: skip
        elif isinstance(event, StatementTaken | ExceptionWorkedOff):
            outcome = REPLACED if isinstance(event, StatementTaken) else event.outcome
            if event.telling in excepted:
                excepted[event.telling] = (*excepted[event.telling][:-1], outcome)
            else:
                ended.setdefault(event.telling, outcome)
    return excepted, ended


@dataclass(frozen=True, slots=True)
class StoredMovements:
    """Reads the tables: the PastMovements and Exceptions ports."""

    store: EventStore

    def by_references(self, mirror: bytes, references: Collection[bytes]) -> Mapping[bytes, PastMovement]:
        """Returns the booked movements of a mirror that have one of these references, with those of them, by id."""
        asked = (UUID(bytes=mirror), list(references), MovementState.BOOKED)
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            rows = cursor.execute(LOOK_UP, asked).fetchall()
        found: dict[bytes, PastMovement] = {}
        for movement, day, amount, marks, entry, reference in rows:
            known = found[movement].told.references if movement in found else frozenset()
            incoming, reversal = bool(marks & INCOMING), bool(marks & REVERSAL)
            found[movement] = PastMovement(Told(day, amount, incoming, reversal, known | {reference}), entry)
        return found

    def moved_by(self, mirror: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        """Returns those entries in custody that are movements of a mirror, however they stand."""
        return self._among(MOVED_BY, mirror, entries)

    def shown(self, mirror: bytes, transfers: Collection[bytes]) -> frozenset[bytes]:
        """Returns those transfers of payments that debits on a mirror were found to be."""
        return self._among(SHOWN, mirror, transfers)

    def _among(self, query: LiteralString, mirror: bytes, ids: Collection[bytes]) -> frozenset[bytes]:
        asked = (UUID(bytes=mirror), Uuids(list(ids)))
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return frozenset(found for (found,) in cursor.execute(query, asked).fetchall())

    def open(self, mirror: bytes, after: int, most: int) -> list[OpenException]:
        """Returns the exceptions of a mirror that wait for people, in the order in which they came."""
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return [OpenException(*row) for row in cursor.execute(OPEN, (UUID(bytes=mirror), after, most)).fetchall()]
