"""The load: every kind of request that an importer makes, drawn by lot from a seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from uuid import UUID

from ringfence.ledger import ALL_OF_IT, NewTransfer, Purpose, TransferFlag

from .book import CURRENCY, FUNDS_MINOR, FundedBook, client_account, deposit
from .importer import Importer
from .journal import Row

REMEMBERED = 500
LONGEST_REQUEST = 200
CREATED, EXISTS = frozenset({"created"}), frozenset({"exists"})
FAILED, ONCE_FAILED = frozenset({"exceeds_credits"}), frozenset({"id_already_failed"})
IN_CHAIN = frozenset({"linked_event_failed"})
FIRST_DAY = date(2025, 1, 1)


@dataclass
class Mix:
    """One importer's stream of requests; the seed decides them, as far as the answers do not."""

    book: FundedBook
    importer: Importer
    random: Random

    def __post_init__(self) -> None:
        """Begins with the book's accounts and no past."""
        self._accounts = list(self.book.clients)
        self._created: deque[Row] = deque(maxlen=REMEMBERED)
        self._failed: deque[Row] = deque(maxlen=REMEMBERED)
        self._pending: list[NewTransfer] = []
        kinds: dict[Callable[[], None], int] = {
            self.pay_one: 30,
            self.pay_many: 8,
            self.pay_in_chains: 10,
            self.reserve: 14,
            self.resolve: 16,
            self.reserve_and_resolve_twice: 4,
            self.overdraw: 8,
            self.resend: 10,
            self.resend_changed: 5,
            self.resend_failed: 3,
            self.open_account: 3,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def step(self) -> None:
        """Makes one request of a kind drawn by lot."""
        (kind,) = self.random.choices(self._kinds, self._weights)
        kind()

    def pay_one(self) -> None:
        """One payment alone."""
        self._post([self._row(self._payment())])

    def pay_many(self) -> None:
        """Many payments in one request, all with value dates or none, one of them beyond all funds."""
        count = self.random.randint(2, LONGEST_REQUEST)
        dated = self.random.random() < 0.5
        payments = [self._payment(value_date=self._day() if dated else None) for _ in range(count)]
        rows = [self._row(each) for each in payments]
        rows[self.random.randrange(count)] = self._beyond_funds()
        self._post(rows)

    def pay_in_chains(self) -> None:
        """Linked chains: whole ones, and ones that fail in one row and so in all."""
        self._post([row for _ in range(self.random.randint(1, 4)) for row in self._chain()])

    def reserve(self) -> None:
        """Pending transfers, some of which expire."""
        self._post([self._row(self._reservation()) for _ in range(self.random.randint(1, 5))])

    def resolve(self) -> None:
        """Posts pending transfers, in part or whole, or voids them."""
        taken = [self._take_pending() for _ in range(min(len(self._pending), self.random.randint(1, 5)))]
        if taken:
            self._post([self._resolution(each) for each in taken])

    def reserve_and_resolve_twice(self) -> None:
        """A pending transfer, its post, and a void that comes too late, in one request."""
        pending = replace(self._reservation(), timeout_seconds=0)
        post = self._resolving(pending, TransferFlag.POST_PENDING_TRANSFER, ALL_OF_IT, pending.amount_minor)
        void = self._resolving(pending, TransferFlag.VOID_PENDING_TRANSFER, 0, pending.amount_minor)
        late = replace(void, answers=frozenset({"pending_transfer_already_posted"}), again=frozenset())
        self._post([self._row(pending), post, late])

    def overdraw(self) -> None:
        """Transfers that nobody has the money for, alone or beside good ones."""
        rows = [self._beyond_funds()]
        if self.random.random() < 0.5:
            rows.append(self._row(self._payment()))
        self._post(rows)

    def resend(self) -> None:
        """Transfers acknowledged before, as they were."""
        if self._created:
            again = self.random.choices(self._created, k=self.random.randint(1, 5))
            self.importer.post([replace(row, answers=EXISTS, again=EXISTS) for row in again])

    def resend_changed(self) -> None:
        """A transfer acknowledged before, with another amount."""
        if self._created:
            row = self.random.choice(self._created)
            changed = replace(row.asked, amount_minor=row.asked.amount_minor + 1)
            different = frozenset({"exists_with_different_amount"})
            self.importer.post([replace(row, asked=changed, answers=different, again=different)])

    def resend_failed(self) -> None:
        """A transfer refused for want of money, which stays refused for ever."""
        if self._failed:
            row = self.random.choice(self._failed)
            self.importer.post([replace(row, answers=ONCE_FAILED, again=ONCE_FAILED)])

    def open_account(self) -> None:
        """A new account, twice sometimes, and its first money."""
        account_id = self._id()
        for _ in range(self.random.randint(1, 2)):
            self.importer.open([client_account(self.book, account_id)])
        self._post([deposit(self.book, account_id, FUNDS_MINOR)])
        self._accounts.append(account_id)

    def _post(self, rows: Sequence[Row]) -> None:
        """Posts new rows, and remembers plain ones for a resend and open reservations for their end."""
        resolved = {row.asked.pending_id for row in rows}
        for row, status in zip(rows, self.importer.post(rows), strict=True):
            is_plain, stands = row.asked.flags == 0, status in CREATED | EXISTS
            if is_plain and stands:
                self._created.append(row)
            elif is_plain and status in FAILED | ONCE_FAILED:
                self._failed.append(row)
            elif stands and row.asked.flags == TransferFlag.PENDING and row.asked.id not in resolved:
                self._pending.append(row.asked)

    def _row(self, transfer: NewTransfer) -> Row:
        return Row(transfer, transfer, CREATED, EXISTS)

    def _payment(self, *, value_date: date | None = None) -> NewTransfer:
        debit, credit = self.random.sample(self._accounts, 2)
        return NewTransfer(
            id=self._id(),
            amount_minor=self.random.randint(1, 1_000),
            currency=CURRENCY,
            code=Purpose.PAYMENT,
            debit_account_id=debit,
            credit_account_id=credit,
            user_data_128=self.book.id,
            user_data_64=self.random.getrandbits(64),
            user_data_32=self.random.getrandbits(32),
            value_date=value_date,
        )

    def _beyond_funds(self) -> Row:
        transfer = replace(self._payment(), amount_minor=self.random.randint(2**60, 2**61))
        return Row(transfer, transfer, FAILED, ONCE_FAILED)

    def _chain(self) -> list[Row]:
        """Returns a chain; sent again it answers by its first row alone (`exists` counts as a failure)."""
        length = self.random.randint(2, 6)
        payments = [self._payment() for _ in range(length)]
        links = [replace(each, flags=TransferFlag.LINKED) for each in payments[:-1]]
        rows = [self._row(each) for each in (*links, payments[-1])]
        if self.random.random() < 0.5:
            return [rows[0], *(replace(row, again=IN_CHAIN) for row in rows[1:])]
        broken = self.random.randrange(length)
        rows = [replace(row, answers=IN_CHAIN, again=frozenset()) for row in rows]
        unpaid = replace(rows[broken].asked, amount_minor=self.random.randint(2**60, 2**61))
        rows[broken] = Row(unpaid, unpaid, FAILED, ONCE_FAILED)
        return rows

    def _reservation(self) -> NewTransfer:
        """Returns a pending transfer to another client or out by the bank."""
        transfer = self._payment()
        if self.random.random() < 0.3:
            transfer = replace(transfer, code=Purpose.WITHDRAWAL, credit_account_id=self.book.mirror)
        timeout = self.random.choice((0, 0, 0, 1, 3))
        return replace(transfer, flags=TransferFlag.PENDING, timeout_seconds=timeout)

    def _take_pending(self) -> NewTransfer:
        return self._pending.pop(self.random.randrange(len(self._pending)))

    def _resolution(self, pending: NewTransfer) -> Row:
        part = self.random.randint(1, pending.amount_minor)
        flag, asked, stored = self.random.choice(
            (
                (TransferFlag.POST_PENDING_TRANSFER, ALL_OF_IT, pending.amount_minor),
                (TransferFlag.POST_PENDING_TRANSFER, part, part),
                (TransferFlag.VOID_PENDING_TRANSFER, 0, pending.amount_minor),
            )
        )
        row = self._resolving(pending, flag, asked, stored)
        if not pending.timeout_seconds:
            return row
        return replace(row, answers=CREATED | {"pending_transfer_expired"})

    def _resolving(self, pending: NewTransfer, flag: TransferFlag, asked: int, stored: int) -> Row:
        """Returns a post or void that leaves out what the pending transfer says."""
        transfer = NewTransfer(
            id=self._id(),
            amount_minor=asked,
            currency=pending.currency,
            code=pending.code,
            pending_id=pending.id,
            flags=flag,
        )
        filled = replace(
            pending, id=transfer.id, amount_minor=stored, pending_id=pending.id, flags=flag, timeout_seconds=0
        )
        return Row(transfer, filled, CREATED, EXISTS)

    def _id(self) -> UUID:
        return UUID(bytes=self.random.randbytes(16))

    def _day(self) -> date:
        return FIRST_DAY + timedelta(days=self.random.randrange(365))
