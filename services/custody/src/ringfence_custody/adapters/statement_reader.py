"""Queries over the read model of statements, each at the cost of a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from ringfence_kernel.projection import Projector
from ringfence_kernel.store import EventStore, Head

from ringfence_custody.adapters.statement_model import SIGN
from ringfence_custody.application.ports import StatementLine
from ringfence_custody.domain.errors import StatementsBehind
from ringfence_custody.domain.packed import Transfer

# Each side is read by its own index; a page of each is enough for a page of both.
STATEMENT = """
SELECT * FROM (
    (SELECT *, debit_balance_minor AS balance FROM transfers
     WHERE moves AND book_id = %(book)s AND debit_account = %(account)s
       AND timestamp_ns > %(after)s AND timestamp_ns < %(until)s ORDER BY timestamp_ns LIMIT %(limit)s)
    UNION ALL
    (SELECT *, credit_balance_minor AS balance FROM transfers
     WHERE moves AND book_id = %(book)s AND credit_account = %(account)s
       AND timestamp_ns > %(after)s AND timestamp_ns < %(until)s ORDER BY timestamp_ns LIMIT %(limit)s)
) AS sides ORDER BY timestamp_ns LIMIT %(limit)s
"""
BALANCE = """
SELECT account, coalesce((
    SELECT balance FROM (
        (SELECT timestamp_ns, debit_balance_minor AS balance FROM transfers
         WHERE moves AND book_id = %(book)s AND debit_account = account AND timestamp_ns <= %(as_of)s
         ORDER BY timestamp_ns DESC LIMIT 1)
        UNION ALL
        (SELECT timestamp_ns, credit_balance_minor FROM transfers
         WHERE moves AND book_id = %(book)s AND credit_account = account AND timestamp_ns <= %(as_of)s
         ORDER BY timestamp_ns DESC LIMIT 1)
    ) AS sides ORDER BY timestamp_ns DESC LIMIT 1
), 0) AS balance FROM unnest(%(accounts)s::int[]) AS account
"""
BY_ID = "SELECT * FROM transfers WHERE book_id = %s AND id = ANY(%s)"
END_OF_TIME = 2**63 - 1
BEHIND_SECONDS = 5.0


class StatementReader:
    """Statements, past balances and transfers by id; all but `reached` block, and may raise StoreUnavailable."""

    def __init__(self, store: EventStore, projector: Projector, head: Callable[[], Head]) -> None:
        """Reads from the tables that `projector` fills; `head` tells what is committed."""
        self._store, self._projector, self._head = store, projector, head

    async def reached(self) -> None:
        """Waits until everything committed so far can be read; raises StatementsBehind."""
        try:
            async with asyncio.timeout(BEHIND_SECONDS):
                await self._projector.reached(self._head().position)
        except TimeoutError:
            raise StatementsBehind from None

    def statement(self, book_id: bytes, account: int, after_ns: int, until_ns: int, limit: int) -> list[StatementLine]:
        """Returns up to `limit` lines later than `after_ns`, oldest first; `until_ns` 0 has no bound."""
        arguments = {
            "book": UUID(bytes=book_id),
            "account": account,
            "after": min(after_ns, END_OF_TIME),
            "until": min(until_ns or END_OF_TIME, END_OF_TIME),
            "limit": limit,
        }
        with self._store.connection() as connection:
            rows = connection.execute(STATEMENT, arguments).fetchall()
        return [StatementLine(_transfer(row), row["balance"], row["position"]) for row in rows]

    def balances(self, book_id: bytes, accounts: Sequence[int], as_of_ns: int) -> dict[int, int]:
        """Returns the posted balances, credits minus debits, of accounts at a time."""
        arguments = {"book": UUID(bytes=book_id), "as_of": min(as_of_ns, END_OF_TIME), "accounts": list(accounts)}
        with self._store.connection() as connection:
            return {row["account"]: row["balance"] for row in connection.execute(BALANCE, arguments)}

    def transfers(self, book_id: bytes, identifiers: Sequence[bytes]) -> dict[bytes, Transfer]:
        """Returns the transfers found, by id."""
        ids = [UUID(bytes=identifier) for identifier in identifiers]
        with self._store.connection() as connection:
            return {row["id"].bytes: _transfer(row) for row in connection.execute(BY_ID, (UUID(bytes=book_id), ids))}


def _transfer(row: dict[str, Any]) -> Transfer:
    user_data_64 = row["user_data_64"]
    return Transfer(
        row["id"].bytes,
        row["debit_account"],
        row["credit_account"],
        row["amount_minor"],
        row["pending_id"].bytes,
        row["user_data_128"].bytes,
        user_data_64 + 2 * SIGN if user_data_64 < 0 else user_data_64,
        row["user_data_32"],
        row["timeout_seconds"],
        row["code"],
        row["flags"],
        row["value_date_days"],
        row["timestamp_ns"],
        row["row"],
    )
