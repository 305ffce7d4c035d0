"""A hash of a book's whole state: equal states, equal digests."""

from __future__ import annotations

from array import array
from hashlib import sha256

from ringfence_custody.ledger.domain.book import Book


def digest(book: Book) -> bytes:
    """Returns SHA-256 over everything that events say, in a fixed order; what is not committed yet is left out."""
    accounts = book.accounts
    hashed = sha256()
    for ids in (accounts.id, accounts.owner_id, accounts.user_data_128):
        hashed.update(b"".join(ids))
    for numbers in (
        accounts.user_data_64,
        accounts.user_data_32,
        accounts.account_class,
        accounts.ledger,
        accounts.code,
        accounts.flags,
        accounts.status,
        accounts.holds,
        accounts.timestamp,
        accounts.changes,
        *accounts.balance_columns(),
    ):
        hashed.update(array("Q", numbers).tobytes())
    for plain in (
        sorted(accounts.orders.items()),
        sorted(accounts.restricted),
        sorted((owner, int(standing)) for owner, standing in book.standings.items()),
        sorted(tuple(transfer) for transfer in book.pending.values()),
        (book.rules.version, sorted(book.rule_versions.items())),
        (book.open.number, book.open.first_row),
        (book.migration, book.migrations),
    ):
        hashed.update(repr(plain).encode())
    hashed.update(book.fates)
    return hashed.digest()
