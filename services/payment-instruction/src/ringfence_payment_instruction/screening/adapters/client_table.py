"""The index of client names over two tables; everything is done for many clients at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.writing import plain

from ringfence_payment_instruction.screening.domain.clients import Client, MarkedNames, NamesRecorded
from ringfence_payment_instruction.screening.domain.screened_fields import Part

Sealed = dict[str, bytes]
PARTS = "unnest(%b::uuid[], %b::smallint[])"
FORGET_MARKS = f"DELETE FROM client_marks USING {PARTS} AS gone (s, p) WHERE subject = s AND part = p"  # nosec B608
RECORD = """
INSERT INTO client_names SELECT *, NULL
FROM unnest(%b::uuid[], %b::smallint[], %b::uuid[], %b::uuid[], %b::bigint[], %b::bytea[])
ON CONFLICT (subject, part) DO UPDATE SET version = excluded.version, sealed = excluded.sealed, marks = NULL
"""
UNMARKED = """
SELECT uuid_send(subject), part, uuid_send(tenant), uuid_send(party), version, sealed
FROM client_names WHERE marks IS NULL ORDER BY subject, part LIMIT %b::int
"""
# What was recorded anew meanwhile is marked when its turn comes.
MARK = """
WITH marked AS (
    UPDATE client_names AS each SET marks = new.marks
    FROM unnest(%b::uuid[], %b::smallint[], %b::bigint[], %b::bytea[]) AS new (subject, part, version, marks)
    WHERE each.subject = new.subject AND each.part = new.part AND each.version = new.version
    RETURNING each.subject, each.part
)
INSERT INTO client_marks SELECT mark, subject, part
FROM unnest(%b::uuid[], %b::uuid[], %b::smallint[]) AS new (mark, subject, part) JOIN marked USING (subject, part)
ON CONFLICT DO NOTHING
"""
LOOK_UP = "SELECT uuid_send(subject), marks FROM client_names WHERE subject = ANY(%b::uuid[])"
MATCHING = """
SELECT uuid_send(subject), uuid_send(tenant), uuid_send(party), uuid_send(mark)
FROM client_marks JOIN client_names USING (subject, part) WHERE mark = ANY(%b::uuid[])
"""


@dataclass(frozen=True, slots=True)
class ClientTable:
    """The ClientNames port."""

    store: EventStore

    def record(self, names: Sequence[NamesRecorded]) -> Within:
        """Returns what takes names in, in place of those before; the last of each client and part counts."""
        last = {(each.subject, each.part): each for each in names}.values()
        parts = [_ids(each.subject for each in last), [each.part.value for each in last]]
        columns: list[Any] = [
            *parts,
            _ids(each.tenant for each in last),
            _ids(each.party for each in last),
            [each.version for each in last],
            [plain.encode(dict(each.sealed)) for each in last],
        ]

        def statements(connection: psycopg.Connection[Any]) -> None:
            connection.execute(FORGET_MARKS.encode(), parts)
            connection.execute(RECORD.encode(), columns)

        return statements

    def unmarked(self, limit: int) -> list[NamesRecorded]:
        """Returns names that nobody has marked yet; blocks."""
        return [
            NamesRecorded(subject, Part(part), tenant, party, version, plain.decode(memoryview(sealed), Sealed))
            for subject, part, tenant, party, version, sealed in self._rows(UNMARKED, limit)
        ]

    def mark(self, names: Sequence[MarkedNames]) -> Within:
        """Returns what keeps the marks of names, unless they are recorded anew by then."""
        recorded = [each.recorded for each in names]
        rows = [(mark, each.recorded) for each in names for mark in each.marks]
        columns = [
            _ids(each.subject for each in recorded),
            [each.part.value for each in recorded],
            [each.version for each in recorded],
            [b"".join(each.marks) for each in names],
            _ids(mark for mark, _ in rows),
            _ids(each.subject for _, each in rows),
            [each.part.value for _, each in rows],
        ]

        def statements(connection: psycopg.Connection[Any]) -> None:
            connection.execute(MARK.encode(), columns)

        return statements

    def look_up(self, subjects: Collection[bytes]) -> dict[bytes, tuple[bytes, ...]]:
        """Returns the marks of those clients of whom everything is marked; blocks."""
        found: dict[bytes, tuple[bytes, ...]] = {}
        waiting = set()
        for subject, marks in self._rows(LOOK_UP, _ids(subjects)):
            if marks is None:
                waiting.add(subject)
            else:
                found[subject] = found.get(subject, ()) + tuple(split_ids(marks))
        return {subject: marks for subject, marks in found.items() if subject not in waiting}

    def matching(self, marks: Collection[bytes]) -> list[tuple[Client, bytes]]:
        """Returns the clients that have one of these marks, with the mark; blocks."""
        return [
            (Client(subject, tenant, party, ()), mark)
            for subject, tenant, party, mark in self._rows(MATCHING, _ids(marks))
        ]

    def _rows(self, statement: str, parameter: Any) -> list[Any]:
        with self.store.connection() as connection, connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return cursor.execute(statement.encode(), (parameter,)).fetchall()


def _ids(values: Iterable[bytes]) -> Uuids:
    return Uuids(list(values))
