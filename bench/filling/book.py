"""A book of millions of transfers, decided by the ledger's own code and written straight into its event store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from ringfence.ledger import AccountClass, Purpose
from ringfence_custody.ledger.domain.apply import apply
from ringfence_custody.ledger.domain.authority import Authority, Reach
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.change_accounts import decide_standing
from ringfence_custody.ledger.domain.columns import AccountColumns, TransferColumns
from ringfence_custody.ledger.domain.create_accounts import decide_accounts
from ringfence_custody.ledger.domain.create_transfers import decide_transfers
from ringfence_custody.ledger.domain.events import EVENTS
from ringfence_custody.ledger.domain.lifecycle import Standing
from ringfence_custody.ledger.domain.mirrors import decide_letter
from ringfence_custody.ledger.domain.packed import TransferBatch
from ringfence_kernel.store import EventStore, NewEvent, save_cursor
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID
from ringfence_kernel.writing.journal import Journal
from ringfence_local_stack.servers.database import Database
from ringfence_protos.custody.v1 import custody_pb2 as pb

from bench.load import Request
from bench.statements import CURSOR
from bench.transfers import AMOUNT_MINOR, EUR, SEED

PER_EVENT = 8_190
PER_COMMIT = 8
FUNDS_MINOR = 10**12
MIRROR = 2**64
"""Number of the bank mirror, apart from those of clients."""


class NothingStored:
    """No batch is read again while a book is filled: its ids are random."""

    def load(self, number: int) -> TransferBatch | None:
        """Returns nothing."""
        return None


@dataclass
class Filling:
    """A book on its way; clients and their deposits have the numbers 1, 2, 3, … for ids, or hashes of them."""

    book_id: bytes
    accounts: int
    transfers: int
    hashed: bool = False
    """Ids as they are made, of which no two have much in common: where it matters how well they compress."""
    book: Book = field(default_factory=lambda: Book(NothingStored()))

    def write(self, database: Database) -> None:
        """Appends all events, and tells statements that they show them already: only the ledger shall start on them."""
        conninfo = database.app_conninfo
        codec, store = EventCodec(EVENTS), EventStore(conninfo)
        try:
            head, waiting = store.head(), list[NewEvent]()
            # The book's first event has opened the importer's window.
            for version, event in enumerate(self._events(), start=2):
                waiting.append(NewEvent(self.book_id, version, *codec.encode(event, time.time_ns())))
                if len(waiting) == PER_COMMIT:
                    head, waiting = store.append(head.position, waiting), []
            head = store.append(head.position, waiting)
            with store.connection() as connection:
                save_cursor(connection, CURSOR, head)
        finally:
            store.close()

    def first_again(self) -> Request:
        """Returns the request that sends the first transfer once more."""
        columns = self._deposits(range(1, 2))
        request = pb.CreateTransfersRequest(book_id=self.book_id, transfers=pb.TransferColumns(**_given(columns)))
        return Request(request.SerializeToString(), 1)

    def client(self, number: int) -> UUID:
        """Returns the id of a client's account, from 1."""
        return UUID(bytes=self._ids([number]))

    def _events(self) -> Iterator[Any]:
        """Yields the accounts, deposits as the first transfers, and payments at random as the others."""
        clients = range(1, 1 + self.accounts)
        yield self._applied(decide_standing(self.book, self.book_id, Standing.ADMITTED, time.time_ns()))
        yield self._opened(self._accounts([MIRROR], AccountClass.BANK_MIRROR, ZERO_ID))
        yield self._applied(self._letter_of_mirror())
        for some in _pages(clients):
            yield self._opened(self._accounts(some, AccountClass.CLIENT, self.book_id))
        for some in _pages(clients):
            yield self._created(self._deposits(some))
        random = Random(SEED)
        for some in _pages(range(self.accounts, self.transfers)):
            yield self._created(self._payments(random, clients, len(some)))

    def _opened(self, columns: AccountColumns) -> Any:
        event, _, _ = decide_accounts(self.book, columns, time.time_ns())
        return self._applied(event)

    def _letter_of_mirror(self) -> Any:
        return decide_letter(self.book, 1, stands=True, decided_by=self.book_id, reason="bench", now_ns=time.time_ns())

    def _applied(self, event: Any) -> Any:
        apply(self.book, event, Journal())
        return event

    def _created(self, columns: TransferColumns) -> Any:
        authority = Authority(self.book_id, Reach.MIGRATION, self.book_id)
        outcome = decide_transfers(self.book, columns, time.time_ns(), authority=authority)
        assert not any(outcome.status), "the ledger refuses what it is filled with"
        event = self.book.seal()
        assert event is not None
        self.book.forget_sealed(event.number)
        return event

    def _accounts(self, numbers: Sequence[int], account_class: AccountClass, owner: bytes) -> AccountColumns:
        return AccountColumns(
            id=self._ids(numbers), owner_id=owner, account_class=[account_class], ledger=[EUR], code=[1]
        )

    def _deposits(self, clients: Sequence[int]) -> TransferColumns:
        return TransferColumns(
            id=self._ids(clients),
            debit_account_id=self._ids([MIRROR]),
            credit_account_id=self._ids(clients),
            amount_minor=[FUNDS_MINOR],
            user_data_128=self.book_id,
            ledger=[EUR],
            code=[Purpose.DEPOSIT],
        )

    def _payments(self, random: Random, clients: range, rows: int) -> TransferColumns:
        debits = random.choices(clients, k=rows)
        # The next of the numbers is another account.
        credits = [each % len(clients) + 1 for each in debits]
        return TransferColumns(
            id=os.urandom(ID_BYTES * rows),
            debit_account_id=self._ids(debits),
            credit_account_id=self._ids(credits),
            amount_minor=[AMOUNT_MINOR],
            user_data_128=self.book_id,
            ledger=[EUR],
            code=[Purpose.PAYMENT],
        )

    def _ids(self, numbers: Iterable[int]) -> bytes:
        ids = (number.to_bytes(ID_BYTES, "big") for number in numbers)
        return b"".join([sha256(each).digest()[:ID_BYTES] for each in ids] if self.hashed else ids)


def _pages(rows: range) -> Iterator[range]:
    for at in range(0, len(rows), PER_EVENT):
        yield rows[at : at + PER_EVENT]


def _given(columns: TransferColumns) -> dict[str, Any]:
    """Returns the columns that are not empty, by name."""
    return {name: value for name, value in asdict(columns).items() if value}
