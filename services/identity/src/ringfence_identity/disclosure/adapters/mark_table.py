"""Rows of marks in PostgreSQL; every call blocks, so it is made from threads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from ringfence_kernel.projecting.plans import PREDICTABLE
from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.store import advance_cursor, load_cursor

from ringfence_identity.disclosure.application.ports import Changed
from ringfence_identity.disclosure.domain.found import Marked

CURSOR = "party-marks"
PAGE_EVENTS = 1_000
LIVING = "SELECT subject FROM data_keys WHERE subject = ANY(%s) AND wrapped IS NOT NULL FOR SHARE"
"""Whoever destroys one of these keys waits until the marks are there, and takes them away."""
REMOVE = "DELETE FROM party_marks WHERE subject = ANY(%s)"
INSERT = """
INSERT INTO party_marks (mark, subject, tenant, party)
SELECT * FROM unnest(%b::bytea[], %b::uuid[], %b::uuid[], %b::uuid[])
"""
IN_ORDER = PREDICTABLE + "; SET LOCAL enable_incremental_sort = off"
"""Each query asks in the order of one index, which alone gives it."""
_HAS_OTHERS = """
(SELECT count(*) FROM party_marks AS has WHERE has.subject = first.subject AND has.mark = ANY(%(others)s::bytea[]))
= cardinality(%(others)s::bytea[])
"""
FIND = f"""
SELECT subject, tenant, party FROM party_marks AS first
WHERE (mark, subject) > (%(first)s, %(after)s) AND mark <= %(first)s AND {_HAS_OTHERS}
ORDER BY mark, subject LIMIT %(most)s
"""
"""Rows are compared because no other index has their order: no plan walks through those who are not called so."""
FIND_OF = f"""
SELECT subject, tenant, party FROM unnest(%(tenants)s::uuid[]) AS asked, LATERAL (
    SELECT * FROM party_marks AS first
    WHERE (mark, tenant, subject) > (%(first)s, asked, %(after)s) AND (mark, tenant) <= (%(first)s, asked)
    AND {_HAS_OTHERS} ORDER BY mark, tenant, subject LIMIT %(most)s
) AS of_tenant
ORDER BY subject LIMIT %(most)s
"""
"""Of some platforms: each is asked for by itself, so that what others have costs nothing, and no time tells of it."""
PARTIES = "SELECT DISTINCT subject, party FROM party_marks WHERE subject = ANY(%s)"
RAREST = """
SELECT mark, (SELECT count(*) FROM (SELECT FROM party_marks AS has WHERE has.mark = each.mark LIMIT 10000) AS these)
FROM unnest(%(marks)s::bytea[]) AS each (mark) ORDER BY 2, 1
"""
RAREST_OF = """
SELECT mark, (SELECT count(*) FROM unnest(%(tenants)s::uuid[]) AS asked, LATERAL (
    SELECT FROM party_marks AS has
    WHERE (has.mark, has.tenant) >= (each.mark, asked) AND (has.mark, has.tenant) <= (each.mark, asked)
    ORDER BY has.mark, has.tenant, has.subject LIMIT 10000
) AS these)
FROM unnest(%(marks)s::bytea[]) AS each (mark) ORDER BY 2, 1
"""
STRAY = "SELECT count(*) FROM party_marks JOIN data_keys USING (subject) WHERE wrapped IS NULL"


@dataclass(frozen=True, slots=True)
class MarkTable:
    """A Marks over the event store; `topics` are those of events that bring names or owners."""

    store: EventStore
    codec: EventCodec
    topics: frozenset[str]

    def position(self) -> int:
        """Returns up to which position there are marks."""
        return load_cursor(self.store, CURSOR).position

    def changed(self, after: int) -> Changed:
        """Returns whom the next events are about."""
        page = self.store.read(after, PAGE_EVENTS)
        events = [
            (each.stream, self.codec.decode(each.topic, each.state)[0]) for each in page if each.topic in self.topics
        ]
        parties = dict.fromkeys(Marked(stream, event.tenant, event.party) for stream, event in events)
        return Changed(list(parties), page[-1].position if page else after)

    def replace(self, marks: Mapping[Marked, Collection[bytes]], after: int, position: int) -> None:
        """Takes marks in; does nothing where another process has come further."""
        subjects = Uuids([each.subject for each in marks])
        with self.store.connection() as connection, connection.transaction():
            if not advance_cursor(connection, CURSOR, after, Head(1, position, bytes(32))):
                return
            if not marks:
                return
            living = {row["subject"].bytes for row in connection.execute(LIVING, (subjects,))}
            connection.execute(REMOVE, (subjects,))
            connection.execute(INSERT, _columns(marks, living))

    def find(self, marks: Collection[bytes], tenants: Collection[bytes], after: bytes, most: int) -> list[Marked]:
        """Returns parties that have all of these marks; the rarest of them is looked up first."""
        rarest, find = (RAREST_OF, FIND_OF) if tenants else (RAREST, FIND)
        asked = {
            "marks": list(marks),
            "tenants": [UUID(bytes=each) for each in sorted(set(tenants))],
            "after": UUID(bytes=after or bytes(16)),
            "most": most,
        }
        with self.store.connection() as connection, connection.transaction():
            connection.execute(IN_ORDER.encode())
            first, *others = [bytes(row["mark"]) for row in connection.execute(rarest.encode(), asked)]
            rows = connection.execute(find.encode(), {**asked, "first": first, "others": others}).fetchall()
        return [Marked(row["subject"].bytes, row["tenant"].bytes, row["party"].bytes) for row in rows]

    def parties_of(self, subjects: Collection[bytes]) -> dict[bytes, bytes]:
        """Returns the ids that platforms have given to subjects."""
        with self.store.connection() as connection:
            rows = connection.execute(PARTIES, ([UUID(bytes=each) for each in subjects],)).fetchall()
        return {row["subject"].bytes: row["party"].bytes for row in rows}


def forget_marks(connection: psycopg.Connection[Any], subjects: Sequence[bytes]) -> None:
    """Takes away the marks of those whose keys are destroyed, inside the caller's transaction."""
    connection.execute(REMOVE, ([UUID(bytes=each) for each in subjects],))


def stray_marks(store: EventStore) -> int:
    """Counts marks of parties whose key is destroyed."""
    with store.connection() as connection:
        row = connection.execute(STRAY).fetchone()
    return int(row["count"]) if row else 0


def _columns(marks: Mapping[Marked, Collection[bytes]], living: Collection[bytes]) -> Sequence[list[bytes] | Uuids]:
    rows = [(mark, each) for each, some in marks.items() if each.subject in living for mark in sorted(some)]
    return [
        [mark for mark, _ in rows],
        Uuids([each.subject for _, each in rows]),
        Uuids([each.tenant for _, each in rows]),
        Uuids([each.party for _, each in rows]),
    ]
