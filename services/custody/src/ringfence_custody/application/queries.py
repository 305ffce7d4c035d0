"""Reads: what is in memory as of the last commit, and what the read model knows of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ringfence_kernel.writer import GroupWriter

from ringfence_custody.application.ledger import Ledger
from ringfence_custody.application.ports import StatementLine, Statements
from ringfence_custody.domain.accounts import Accounts
from ringfence_custody.domain.book import Book
from ringfence_custody.domain.errors import AccountNotFound
from ringfence_custody.domain.packed import Transfer
from ringfence_custody.domain.rules import RulePack

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its balances as of one moment; amounts in minor units."""

    id: bytes
    owner_id: bytes
    account_class: int
    ledger: int
    code: int
    flags: int
    status: int
    order_reference: str
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    timestamp_ns: int
    user_data_128: bytes
    user_data_64: int
    user_data_32: int


@dataclass(frozen=True, slots=True)
class ClassTotals:
    """What all accounts of one class and ledger add up to, in minor units."""

    account_class: int
    ledger: int
    accounts: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int


@dataclass(frozen=True, slots=True)
class NamedTransfer:
    """A transfer with the ids of its accounts."""

    transfer: Transfer
    debit_account_id: bytes
    credit_account_id: bytes
    ledger: int


@dataclass(frozen=True, slots=True)
class Queries:
    """Every answer shows committed facts only."""

    writer: GroupWriter
    ledger: Ledger
    statements: Statements

    async def accounts(self, book_id: bytes, account_ids: Sequence[bytes]) -> list[AccountView]:
        """Returns accounts in the order asked; those not in the book are left out."""

        def read(accounts: Accounts) -> list[AccountView]:
            found = (accounts.index.get(each) for each in account_ids)
            return [view(accounts, account) for account in found if account is not None]

        return await self._read(book_id, lambda book: read(book.accounts))

    async def list_accounts(
        self, book_id: bytes, owner_id: bytes | None, after: int, limit: int
    ) -> tuple[list[AccountView], int]:
        """Returns a page in order of creation after a dense index, and the index to go on after, 0 at the end."""

        def read(accounts: Accounts) -> tuple[list[AccountView], int]:
            indexes = range(1, len(accounts)) if owner_id is None else accounts.of_owner.get(owner_id, ())
            page = [account for account in indexes if account > after][: limit + 1]
            more = page[limit - 1] if len(page) > limit else 0
            return [view(accounts, account) for account in page[:limit]], more

        return await self._read(book_id, lambda book: read(book.accounts))

    async def totals(self, book_id: bytes) -> tuple[list[ClassTotals], int, int]:
        """Returns totals per class and ledger, the number of transfers, and the feed position they stand for."""

        def read(book: Book) -> tuple[list[ClassTotals], int, int]:
            return class_totals(book.accounts), book.open.first_row, self.writer.head.position

        return await self._read(book_id, read)

    async def rules(self, book_id: bytes) -> RulePack:
        """Returns the rules in force in a book, the built-in minimum where none were adopted."""
        return await self._read(book_id, lambda book: book.rules)

    async def transfers(self, book_id: bytes, identifiers: Sequence[bytes]) -> list[NamedTransfer]:
        """Returns transfers in the order asked; unknown ids are left out. Raises StatementsBehind."""
        await self.statements.reached()
        found = await asyncio.to_thread(self.statements.transfers, book_id, identifiers)
        transfers = [found[each] for each in identifiers if each in found]
        return await self._read(book_id, lambda book: [named(book.accounts, each) for each in transfers])

    async def statement(
        self, book_id: bytes, account_id: bytes, after_ns: int, until_ns: int, limit: int
    ) -> list[tuple[NamedTransfer, StatementLine]]:
        """Returns lines later than `after_ns`, oldest first; raises AccountNotFound, StatementsBehind."""
        (account,) = await self._indexes(book_id, [account_id])
        if account is None:
            raise AccountNotFound
        await self.statements.reached()
        lines = await asyncio.to_thread(self.statements.statement, book_id, account, after_ns, until_ns, limit)
        return await self._read(book_id, lambda book: [(named(book.accounts, line.transfer), line) for line in lines])

    async def balances(self, book_id: bytes, account_ids: Sequence[bytes], as_of_ns: int) -> list[tuple[bytes, int]]:
        """Returns (account, posted balance) at a time, 0 for now; accounts not in the book are left out."""
        if not as_of_ns:
            views = await self.accounts(book_id, account_ids)
            return [(each.id, each.credits_posted - each.debits_posted) for each in views]
        indexes = await self._indexes(book_id, account_ids)
        known = [each for each in indexes if each is not None]
        await self.statements.reached()
        found = await asyncio.to_thread(self.statements.balances, book_id, known, as_of_ns)
        pairs = zip(account_ids, indexes, strict=True)
        return [(account_id, found[index]) for account_id, index in pairs if index is not None]

    async def _indexes(self, book_id: bytes, account_ids: Sequence[bytes]) -> list[int | None]:
        return await self._read(book_id, lambda book: [book.accounts.index.get(each) for each in account_ids])

    async def _read(self, book_id: bytes, read: Callable[[Book], Answer]) -> Answer:
        """Reads a book between two commits; one in which nothing ever happened is empty."""
        return await self.writer.submit(lambda unit: read(self.ledger.look(book_id)))


def view(accounts: Accounts, account: int) -> AccountView:
    """Returns an account as it stands."""
    debits_pending, debits_posted, credits_pending, credits_posted = accounts.balances(account)
    return AccountView(
        id=accounts.id[account],
        owner_id=accounts.owner_id[account],
        account_class=accounts.account_class[account],
        ledger=accounts.ledger[account],
        code=accounts.code[account],
        flags=accounts.flags[account],
        status=accounts.shown_status(account),
        order_reference=", ".join(accounts.orders.get(account, ())),
        debits_pending=debits_pending,
        debits_posted=debits_posted,
        credits_pending=credits_pending,
        credits_posted=credits_posted,
        timestamp_ns=accounts.timestamp[account],
        user_data_128=accounts.user_data_128[account],
        user_data_64=accounts.user_data_64[account],
        user_data_32=accounts.user_data_32[account],
    )


def class_totals(accounts: Accounts) -> list[ClassTotals]:
    """Adds up all accounts by ledger and class."""
    sums: dict[tuple[int, int], list[int]] = {}
    for account in range(1, len(accounts)):
        row = sums.setdefault((accounts.ledger[account], accounts.account_class[account]), [0] * 5)
        for column, amount in enumerate((1, *accounts.balances(account))):
            row[column] += amount
    return [ClassTotals(account_class, ledger, *row) for (ledger, account_class), row in sorted(sums.items())]


def named(accounts: Accounts, transfer: Transfer) -> NamedTransfer:
    """Returns a transfer with the ids of its accounts."""
    debit, credit = transfer.debit, transfer.credit
    return NamedTransfer(transfer, accounts.id[debit], accounts.id[credit], accounts.ledger[debit])
