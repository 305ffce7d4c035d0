"""Reads the tables of the proof; every call blocks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ringfence_kernel.store import EventStore

from ringfence_audit.evidence.application.ports import Counts, Found
from ringfence_audit.evidence.domain.bookings import Booking, Flaw, Move

LIST = (
    "SELECT leaf, move, flaw, tenant_id, transfer_id, time_ns, amount_minor, ledger, file, entry_id, feed_id"
    " FROM evidence_findings WHERE (leaf, move) > (%(leaf)s, %(move)s)"
    " AND (%(tenants)s::bytea[] IS NULL OR tenant_id = ANY(%(tenants)s)) ORDER BY leaf, move LIMIT %(limit)s"
)
OF_TENANTS = " WHERE (%(tenants)s::bytea[] IS NULL OR tenant_id = ANY(%(tenants)s))"
COUNT = "SELECT flaw, count(*) AS found FROM evidence_findings" + OF_TENANTS + " GROUP BY flaw"
OPEN = "SELECT count(*) AS open, min(leaf) AS first_open, min(had_ns) AS since_ns FROM evidence_bookings" + OF_TENANTS


class FindingsReader:
    """The findings in PostgreSQL."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def find(self, tenants: Collection[bytes] | None, after: tuple[int, ...], limit: int) -> list[Found]:
        """Gives findings after a place (leaf and move) in order of the log, of some platforms or of all."""
        leaf, move = after
        arguments = {"leaf": leaf, "move": move, "tenants": _listed(tenants), "limit": limit}
        return [_found(row) for row in self._rows(LIST, arguments)]

    def counts(self, tenants: Collection[bytes] | None = None) -> Counts:
        """Counts findings and open bookings, of some platforms or of all."""
        arguments = {"tenants": _listed(tenants)}
        by_flaw = {Flaw(row["flaw"]): row["found"] for row in self._rows(COUNT, arguments)}
        [row] = self._rows(OPEN, arguments)
        return Counts(by_flaw, row["open"], row["first_open"], row["since_ns"])

    def _rows(self, statement: str, parameters: Any = None) -> list[Any]:
        with self._store.connection() as connection:
            return connection.execute(statement.encode(), parameters).fetchall()


def _listed(tenants: Collection[bytes] | None) -> list[bytes] | None:
    return None if tenants is None else sorted(tenants)


def _found(row: Any) -> Found:
    booking = Booking(
        leaf=row["leaf"],
        move=Move(row["move"]),
        tenant=bytes(row["tenant_id"]),
        transfer=bytes(row["transfer_id"]),
        time_ns=row["time_ns"],
        amount_minor=row["amount_minor"],
        ledger=row["ledger"],
        file=row["file"],
        entry=row["entry_id"],
        feed=row["feed_id"],
    )
    return Found(booking, Flaw(row["flaw"]))
