"""The books as they are read at the end: every account, transfer and statement, and the totals."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence.client import Client
from ringfence.ledger import Account, Totals, Transfer

from .journal import Journal

LOOKUP_ROWS = 8_000
EXPIRY_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an account's statement: the transfer, what it changed, and the balance after it, in minor units."""

    transfer_id: UUID
    change_minor: int
    balance_minor: int


@dataclass(frozen=True)
class Books:
    """One book, read when nobody writes any more."""

    accounts: Sequence[Account]
    transfers: Sequence[Transfer]
    statements: Mapping[UUID, Sequence[Line]]
    totals: Totals


def read_books(client: Client, book_id: UUID, journal: Journal) -> Books:
    """Reads a book after the last of its reservations has expired; looks for every id that was ever asked for."""
    time.sleep(EXPIRY_SECONDS)
    accounts = list(client.custody.list_accounts(book_id))
    asked = list({row.asked.id for answered in journal.transfers for row in answered.rows})
    pages = (asked[at : at + LOOKUP_ROWS] for at in range(0, len(asked), LOOKUP_ROWS))
    return Books(
        accounts=accounts,
        transfers=[transfer for page in pages for transfer in client.custody.transfers(page, book_id)],
        statements={each.id: list(_lines(client, book_id, each.id)) for each in accounts},
        totals=client.custody.totals(book_id),
    )


def _lines(client: Client, book_id: UUID, account_id: UUID) -> Iterable[Line]:
    for entry in client.custody.statement(account_id, book_id):
        sign = 1 if entry.transfer.credit_account_id == account_id else -1
        yield Line(entry.transfer.id, sign * entry.transfer.amount_minor, entry.balance_minor)
