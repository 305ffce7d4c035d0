"""Queries over the read model of statements, each at the cost of a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from ringfence_kernel.projecting.plans import PREDICTABLE
from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.store import EventStore, Head

from ringfence_custody.ledger.adapters import statement_sql as sql
from ringfence_custody.ledger.application.ports import Selection, StatementAccount, StatementLine
from ringfence_custody.ledger.domain.errors import StatementsBehind
from ringfence_custody.ledger.domain.packed import Transfer

BEHIND_SECONDS = 5.0
BOOK = "SELECT book FROM books WHERE book_id = %s"
SIGN_64, SIGN_32 = 1 << 63, 1 << 31
NO_ROW = -1
"""The number of a transfer in its book is the ledger's own; the read model does without."""


class StatementReader:
    """Statements, past balances and transfers; all but `reached` block, and may raise StoreUnavailable."""

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

    def statement(self, book_id: bytes, account: StatementAccount, selection: Selection) -> list[StatementLine]:
        """Returns the lines of a page of an account's statement."""
        order = sql.DOWN if selection.newest_first else sql.UP
        key = _selective_key(selection)
        question = sql.by_key(sql.STATEMENT_BY_KEY, key, order) if key else sql.STATEMENT.format(order=order)
        arguments = {
            "account": account.index,
            "account_ledger": account.ledger,
            "debit": account.debit,
            "reservations": account.reservations,
        }
        rows = self._ask(book_id, question, {**_arguments(selection), **arguments})
        return [StatementLine(_transfer(row), row["balance_minor"], row["position"]) for row in rows]

    def list_transfers(self, book_id: bytes, selection: Selection) -> list[Transfer]:
        """Returns a page of transfers."""
        order = sql.DOWN if selection.newest_first else sql.UP
        key = next((key for key in sql.KEYS if getattr(selection, key)), None)
        question = sql.by_key(sql.TRANSFERS_BY_KEY, key, order) if key else sql.TRANSFERS_BY_TIME.format(order=order)
        return [_transfer(row) for row in self._ask(book_id, question, _arguments(selection))]

    def balances(self, book_id: bytes, accounts: Sequence[int], as_of_ns: int) -> dict[int, int]:
        """Returns the posted balances, credits minus debits, of accounts at a time."""
        arguments = {"as_of": min(as_of_ns, sql.END_OF_TIME), "accounts": list(accounts)}
        rows = self._ask(book_id, sql.BALANCES, arguments)
        return dict.fromkeys(accounts, 0) | {row["account"]: row["number"] for row in rows}

    def last_movements(self, book_id: bytes, accounts: Sequence[int]) -> dict[int, int]:
        """Returns when each account's posted balance moved last; those that never did are left out."""
        rows = self._ask(book_id, sql.LAST_MOVEMENTS, {"accounts": list(accounts)})
        return {row["account"]: row["time_ns"] for row in rows if row["time_ns"]}

    def time_of(self, book_id: bytes, position: int) -> int:
        """Returns the time of the book's last transfer at or before a feed position; 0 when there is none."""
        rows = self._ask(book_id, sql.TIME_OF_POSITION, {"position": position})
        return rows[0]["time_ns"] or 0 if rows else 0

    def transfers(self, book_id: bytes, positions: Sequence[tuple[bytes, int]]) -> dict[bytes, Transfer]:
        """Returns the transfers found, by id; they are looked for at the feed positions given with the ids."""
        ids, at = [UUID(bytes=identifier) for identifier, _ in positions], [position for _, position in positions]
        rows = self._ask(book_id, sql.TRANSFERS_BY_ID, {"ids": ids, "positions": at})
        return {row["id"].bytes: _transfer(row) for row in rows}

    def _ask(self, book_id: bytes, question: str, arguments: dict[str, Any]) -> list[DictRow]:
        """Returns the rows that answer a question about a book; none for a book without transfers."""
        with self._store.connection() as connection, connection.transaction():
            connection.execute(PREDICTABLE)
            book = connection.execute(BOOK, (UUID(bytes=book_id),)).fetchone()
            if book is None:
                return []
            return connection.execute(question.encode(), {**arguments, "book": book["book"]}).fetchall()


def _selective_key(selection: Selection) -> str | None:
    """Returns the key that an account's statement is searched by; user_data_32 has too few values to be better."""
    return next((key for key in sql.KEYS[:2] if getattr(selection, key)), None)


def _arguments(selection: Selection) -> dict[str, Any]:
    """Returns what the questions ask for, as the tables have it: unsigned numbers as their signed twins."""
    return {
        "from": min(selection.from_ns, sql.END_OF_TIME),
        "until": min(selection.until_ns or sql.END_OF_TIME, sql.END_OF_TIME),
        "ledger": selection.ledger,
        "code": selection.code,
        "user_data_128": UUID(bytes=selection.user_data_128) if selection.user_data_128 else None,
        "user_data_64": _signed(selection.user_data_64, SIGN_64),
        "user_data_32": _signed(selection.user_data_32, SIGN_32),
        "limit": selection.limit,
    }


def _signed(number: int, sign: int) -> int:
    return number - 2 * sign if number >= sign else number


def _transfer(row: DictRow) -> Transfer:
    return Transfer(
        id=row["id"].bytes,
        debit=row["debit_account"],
        credit=row["credit_account"],
        amount=row["amount_minor"],
        pending_id=row["pending_id"].bytes,
        user_data_128=row["user_data_128"].bytes,
        user_data_64=row["user_data_64"] % (2 * SIGN_64),
        user_data_32=row["user_data_32"] % (2 * SIGN_32),
        timeout=row["timeout_seconds"] % (2 * SIGN_32),
        code=row["code"],
        flags=row["flags"],
        value_date=row["value_date_days"],
        timestamp=row["timestamp_ns"],
        row=NO_ROW,
    )
