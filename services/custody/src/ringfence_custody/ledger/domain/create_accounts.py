"""The decision of a batch of accounts."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.values.ids import MAX_ID, ZERO_ID

from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.chain import Chain
from ringfence_custody.ledger.domain.columns import AccountColumns, row_ids, row_numbers, split_ids
from ringfence_custody.ledger.domain.events import AccountsCreated
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing, first_state
from ringfence_custody.ledger.domain.packed import number_column, packed_ids, packed_numbers
from ringfence_custody.ledger.domain.purposes import LEDGERS, PERMITTED_FLAGS, AccountClass, stored_flags
from ringfence_custody.ledger.domain.result_codes import ACCOUNT_FLAGS, COVERED, CREDITS_LIMITED, DEBITS_LIMITED
from ringfence_custody.ledger.domain.result_codes import CreateAccountStatus as Status
from ringfence_custody.ledger.domain.shortfall import is_reserved

BOTH_LIMITS = DEBITS_LIMITED | CREDITS_LIMITED
COVERED_LIMITED = COVERED | DEBITS_LIMITED


def decide_accounts(
    book: Book, columns: AccountColumns, now_ns: int, *, own: bool = False
) -> tuple[AccountsCreated | None, bytes, list[int]]:
    """Decides a batch in order; returns the event, if any, one status per row, and one time per row.

    The time is that of creation: for `exists` the first one, also where a chain then takes that back, for refusals 0.
    `own` says that custody opens them itself: nobody else opens what a platform owes, or takes such an id.

    The book does not change until the event is applied. The columns must have passed their `check`.
    """
    decision = _Decision(book, columns, now_ns, own)
    chain = Chain(decision.count)
    for row in range(decision.count):
        flags = decision.flags[row]
        status = chain.enter(row, flags) or decision.decide(row)
        decision.enter(row, status)
        for taken_back in chain.leave(row, flags, status):
            decision.take_back(taken_back)
    return decision.event(), bytes(decision.status), decision.timestamp


class _Decision:
    """A batch under decision."""

    def __init__(self, book: Book, columns: AccountColumns, now_ns: int, own: bool) -> None:
        self.book, self.own = book, own
        self.count = count = len(columns)
        self.base = max(now_ns, book.last_timestamp + 1)
        self.id = split_ids(columns.id)
        self.owner_id = row_ids(columns.owner_id, count)
        self.account_class = row_numbers(columns.account_class, count)
        self.ledger = row_numbers(columns.ledger, count)
        self.code = row_numbers(columns.code, count)
        self.flags = row_numbers(columns.flags, count)
        self.user_data_128 = row_ids(columns.user_data_128, count)
        self.user_data_64 = row_numbers(columns.user_data_64, count)
        self.user_data_32 = row_numbers(columns.user_data_32, count)
        self.status = bytearray(count)
        self.timestamp = [0] * count
        self.created: dict[bytes, int] = {}

    def enter(self, row: int, status: int) -> None:
        """Notes what was decided of a row."""
        self.status[row] = status
        if status == Status.CREATED:
            self.created[self.id[row]] = row
            self.timestamp[row] = self.base + row
        elif status == Status.EXISTS:
            self.timestamp[row] = self._created_at(self.id[row])

    def take_back(self, row: int) -> None:
        """Takes back the creation of a row whose chain is broken."""
        self.status[row], self.timestamp[row] = Status.LINKED_EVENT_FAILED, 0
        del self.created[self.id[row]]

    def _created_at(self, identifier: bytes) -> int:
        first = self.created.get(identifier)
        accounts = self.book.accounts
        return accounts.timestamp[accounts.index[identifier]] if first is None else self.base + first

    def decide(self, row: int) -> int:
        """Returns the status of one row outside of its chain."""
        identifier, flags, account_class = self.id[row], self.flags[row], self.account_class[row]
        if flags & ~ACCOUNT_FLAGS:
            return Status.RESERVED_FLAG
        if identifier == ZERO_ID:
            return Status.ID_MUST_NOT_BE_ZERO
        if identifier == MAX_ID:
            return Status.ID_MUST_NOT_BE_INT_MAX
        if identifier in self.created:
            first = self.created[identifier]
            return self._compare(row, self.account_class[first], self._row(first, self.account_class[first]))
        if identifier in self.book.accounts.index:
            account = self.book.accounts.index[identifier]
            return self._compare(row, self.book.accounts.account_class[account], self._account(account))
        if flags & BOTH_LIMITS == BOTH_LIMITS or flags & COVERED_LIMITED == COVERED_LIMITED:
            return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
        if not self.ledger[row]:
            return Status.LEDGER_MUST_NOT_BE_ZERO
        if not self.code[row]:
            return Status.CODE_MUST_NOT_BE_ZERO
        if self.ledger[row] not in LEDGERS:
            return Status.LEDGER_NOT_A_CURRENCY
        if account_class not in PERMITTED_FLAGS:
            return Status.ACCOUNT_CLASS_UNKNOWN
        if not self.own and (account_class == AccountClass.SHORTFALL or is_reserved(identifier)):
            return Status.ACCOUNT_RESERVED
        if flags & ~PERMITTED_FLAGS[account_class]:
            return Status.FLAGS_NOT_PERMITTED_FOR_CLASS
        if account_class == AccountClass.CLIENT and self.owner_id[row] == ZERO_ID:
            return Status.OWNER_ID_MUST_NOT_BE_ZERO
        return Status.CREATED

    def _compare(self, row: int, account_class: int, existing: tuple[object, ...]) -> int:
        """Compares a resent row with the account that has its id, a limit left out being that of its class."""
        for status, asked, stored in zip(
            (
                Status.EXISTS_WITH_DIFFERENT_FLAGS,
                Status.EXISTS_WITH_DIFFERENT_USER_DATA_128,
                Status.EXISTS_WITH_DIFFERENT_USER_DATA_64,
                Status.EXISTS_WITH_DIFFERENT_USER_DATA_32,
                Status.EXISTS_WITH_DIFFERENT_LEDGER,
                Status.EXISTS_WITH_DIFFERENT_CODE,
                Status.EXISTS_WITH_DIFFERENT_ACCOUNT_CLASS,
                Status.EXISTS_WITH_DIFFERENT_OWNER_ID,
            ),
            self._row(row, account_class),
            existing,
            strict=True,
        ):
            if asked != stored:
                return status
        return Status.EXISTS

    def _row(self, row: int, limits_of_class: int) -> tuple[object, ...]:
        return (
            stored_flags(limits_of_class, self.flags[row]),
            self.user_data_128[row],
            self.user_data_64[row],
            self.user_data_32[row],
            self.ledger[row],
            self.code[row],
            self.account_class[row],
            self.owner_id[row],
        )

    def _account(self, account: int) -> tuple[object, ...]:
        accounts = self.book.accounts
        return (
            accounts.flags[account],
            accounts.user_data_128[account],
            accounts.user_data_64[account],
            accounts.user_data_32[account],
            accounts.ledger[account],
            accounts.code[account],
            accounts.account_class[account],
            accounts.owner_id[account],
        )

    def event(self) -> AccountsCreated | None:
        """Returns the event of what was created, or None."""
        rows = list(self.created.values())
        if not rows:
            return None
        states = [self._first_state(row) for row in rows]
        return AccountsCreated(
            first_index=len(self.book.accounts),
            id=b"".join(self.created),
            owner_id=_ids(self.owner_id, rows),
            account_class=_numbers("B", self.account_class, rows),
            ledger=_numbers("I", self.ledger, rows),
            code=_numbers("H", self.code, rows),
            flags=packed_numbers("H", [stored_flags(self.account_class[row], self.flags[row]) for row in rows]),
            status=packed_numbers("B", [status for status, _ in states]),
            holds=packed_numbers("B", [holds for _, holds in states]),
            user_data_128=_ids(self.user_data_128, rows),
            user_data_64=_numbers("Q", self.user_data_64, rows),
            user_data_32=_numbers("I", self.user_data_32, rows),
            timestamp_ns=packed_numbers("Q", [self.base + row for row in rows]),
        )

    def _first_state(self, row: int) -> tuple[AccountStatus, int]:
        owner = self.owner_id[row]
        standing = self.book.standings.get(owner, Standing.UNKNOWN)
        return first_state(owner != ZERO_ID, standing, needs_letter=self.account_class[row] == AccountClass.BANK_MIRROR)


def _ids(column: Sequence[bytes], rows: list[int]) -> bytes:
    return packed_ids([column[row] for row in rows])


def _numbers(kind: str, column: Sequence[int], rows: list[int]) -> bytes:
    return packed_numbers(kind, [column[row] for row in rows])


def apply_accounts(book: Book, event: AccountsCreated) -> None:
    """Opens the accounts of an event."""
    accounts = book.accounts
    ids = split_ids(event.id)
    count = len(ids)
    accounts.index.update(zip(ids, range(event.first_index, event.first_index + count), strict=True))
    accounts.id.extend(ids)
    accounts.owner_id.extend(row_ids(event.owner_id, count))
    accounts.user_data_128.extend(row_ids(event.user_data_128, count))
    accounts.user_data_64.extend(number_column("Q", event.user_data_64, count))
    accounts.user_data_32.extend(number_column("I", event.user_data_32, count))
    accounts.account_class.extend(number_column("B", event.account_class, count))
    accounts.ledger.extend(number_column("I", event.ledger, count))
    accounts.code.extend(number_column("H", event.code, count))
    accounts.flags.extend(number_column("H", event.flags, count))
    accounts.status.extend(number_column("B", event.status, count))
    accounts.holds.extend(number_column("B", event.holds, count))
    accounts.timestamp.extend(number_column("Q", event.timestamp_ns, count))
    for zeros in (accounts.changes, *accounts.balance_columns()):
        zeros.extend([0] * count)
    for account in range(event.first_index, event.first_index + count):
        accounts.add_keys(account)
        accounts.of_owner[accounts.owner_id[account]].append(account)
    book.last_timestamp = max(book.last_timestamp, accounts.timestamp[-1])
