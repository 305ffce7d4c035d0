"""The newest closings are found by the index, however many there ever were."""

from __future__ import annotations

from typing import Any

from psycopg import sql
from ringfence_audit.books.adapters.books_model import SAVE_CLOSING
from ringfence_audit.books.adapters.books_reader import NEWEST, BooksReader
from ringfence_audit.log.domain.leaf import encode
from ringfence_kernel.store import EventStore

BOOKS = [(bytes([platform]) * 16, ledger) for platform in (1, 2, 3) for ledger in (156, 978)]
CLOSINGS = 500


def fill(store: EventStore) -> None:
    """Closes each of some books again and again, in turns."""
    stated = encode("audit.books.v1", {"ledger": 978})
    rows = [
        (number * len(BOOKS) + at, tenant, ledger, 1, number != CLOSINGS - 1, True, stated)
        for number in range(CLOSINGS)
        for at, (tenant, ledger) in enumerate(BOOKS)
    ]
    with store.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(SAVE_CLOSING.encode(), rows)


def rows_read(plan: dict[str, Any]) -> int:
    """Gives how many rows all scans of a plan have read of the table."""
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    own = read * plan["Actual Loops"] if plan.get("Relation Name") == "books_closings" else 0
    return int(own) + sum(rows_read(each) for each in plan.get("Plans", []))


def test_as_many_closings_are_read_as_there_are_books(audit_store: EventStore) -> None:
    """The newest of each platform and currency, with no row of the older ones."""
    reader = BooksReader(audit_store)
    assert reader.newest() == []
    fill(audit_store)
    found = reader.newest()
    assert [(each.tenant, each.ledger) for each in found] == BOOKS
    last = len(BOOKS) * (CLOSINGS - 1)
    assert [(each.leaf, each.is_same) for each in found] == [(last + at, False) for at in range(len(BOOKS))]
    with audit_store.connection() as connection:
        connection.execute("ANALYZE books_closings")
        explained = connection.execute(sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + sql.SQL(NEWEST)).fetchone()
    assert explained is not None
    [[plan]] = explained.values()
    # Of loops there is the average.
    assert 0 < rows_read(plan["Plan"]) <= 2 * len(BOOKS)
