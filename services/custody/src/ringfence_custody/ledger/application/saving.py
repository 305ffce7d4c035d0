"""A book as sections of a snapshot, and back.

Columns of machine integers and ids stand as they are in memory (little-endian); what is small and has structure is
msgpack. The tables of known ids are not copied: they only gain entries, and an entry too many does no harm.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping
from heapq import heapify

import msgspec
import numpy as np
from ringfence_kernel.values.sections import Sections

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.book import Book, Deadline, Migration
from ringfence_custody.ledger.domain.columns import split_ids
from ringfence_custody.ledger.domain.known_ids import KnownIds, Table
from ringfence_custody.ledger.domain.lifecycle import Standing
from ringfence_custody.ledger.domain.packed import Transfer, TransferBatch
from ringfence_custody.ledger.domain.rule_packs import compiled, document_of, parsed

FORMAT = 4
ID_COLUMNS = ("id", "owner_id", "user_data_128")
NUMBERS = tuple("account_class ledger code flags status holds timestamp user_data_64 user_data_32".split())
BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


class Rest(msgspec.Struct, frozen=True):
    """What of a book is neither a column nor a table."""

    format: int
    number: int
    first_row: int
    last_timestamp: int
    standings: dict[bytes, int]
    orders: dict[int, tuple[str, ...]]
    restricted: list[int]
    rules: str
    """Canonical text; empty where none were adopted."""
    rule_versions: dict[str, bytes]
    pending: list[Transfer]
    deadlines: list[Deadline]
    keys: bytes
    migration: Migration | None
    migrations: int
    used: list[int]
    """Ids in each table."""


def save(book: Book, positions: array[int]) -> Sections:
    """Returns the sections of a book that has nothing open; `positions` are those of its batches in the feed."""
    accounts, known = book.accounts, book.known
    rest = Rest(
        format=FORMAT,
        number=book.open.number,
        first_row=book.open.first_row,
        last_timestamp=book.last_timestamp,
        standings={owner: int(standing) for owner, standing in book.standings.items()},
        orders=dict(accounts.orders),
        restricted=list(accounts.restricted),
        rules=document_of(book.rules) if book.rule_versions else "",
        rule_versions=book.rule_versions,
        pending=list(book.pending.values()),
        deadlines=list(book.deadlines),
        keys=known.fingerprints.keys,
        migration=book.migration,
        migrations=book.migrations,
        used=[table.used for table in known.tables],
    )
    return [
        ("rest", msgspec.msgpack.encode(rest)),
        *((name, b"".join(getattr(accounts, name))) for name in ID_COLUMNS),
        *((name, array("Q", getattr(accounts, name)).tobytes()) for name in NUMBERS),
        *((name, getattr(accounts, name).tobytes()) for name in BALANCES),
        ("changes", accounts.changes.tobytes()),
        ("fates", bytes(book.fates)),
        ("positions", positions.tobytes()),
        *((f"prints {number}", table.prints.data) for number, table in enumerate(known.tables)),
        *((f"numbers {number}", table.numbers.data) for number, table in enumerate(known.tables)),
    ]


def restore(book: Book, sections: Mapping[str, memoryview]) -> array[int]:
    """Fills an empty book; returns the positions of its batches. Raises ValueError for another format."""
    rest = msgspec.msgpack.decode(sections["rest"], type=Rest)
    if rest.format != FORMAT or sys.byteorder != "little":
        raise ValueError(f"a book of format {rest.format}")
    _restore_accounts(book.accounts, sections)
    book.accounts.orders = dict(rest.orders)
    book.accounts.restricted = dict.fromkeys(rest.restricted)
    if rest.rules:
        book.rules = compiled(*parsed(rest.rules))
    book.rule_versions = dict(rest.rule_versions)
    book.standings = {owner: Standing(standing) for owner, standing in rest.standings.items()}
    book.pending = {transfer.id: transfer for transfer in rest.pending}
    book.migration, book.migrations = rest.migration, rest.migrations
    book.deadlines = list(rest.deadlines)
    heapify(book.deadlines)
    book.fates = bytearray(sections["fates"])
    book.known = KnownIds(rest.keys, list(_tables(rest.used, sections)))
    book.open = TransferBatch(rest.number, rest.first_row)
    book.last_timestamp = rest.last_timestamp
    book.count_anew()
    positions = array("Q")
    positions.frombytes(sections["positions"])
    return positions


def _restore_accounts(accounts: Accounts, sections: Mapping[str, memoryview]) -> None:
    for name in ID_COLUMNS:
        setattr(accounts, name, list(split_ids(bytes(sections[name]))))
    for name in NUMBERS:
        setattr(accounts, name, sections[name].cast("Q").tolist())
    for name in BALANCES:
        setattr(accounts, name, array("q", sections[name].cast("q")))
    accounts.changes = array("I", sections["changes"].cast("I"))
    accounts.restored()


def _tables(used: list[int], sections: Mapping[str, memoryview]) -> Iterator[Table]:
    for number, count in enumerate(used):
        prints = np.frombuffer(sections[f"prints {number}"], np.uint64).copy()
        numbers = np.frombuffer(sections[f"numbers {number}"], np.uint32).copy()
        yield Table(prints, numbers, count)
