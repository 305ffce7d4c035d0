"""Reads: what is in memory as of the last commit, and what the read model knows of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_custody.ledger.application.account_filter import AccountFilter
from ringfence_custody.ledger.application.ports import Selection, StatementAccount, StatementLine, Statements
from ringfence_custody.ledger.application.state import State
from ringfence_custody.ledger.application.views import (
    AccountView,
    ClassTotals,
    Holdings,
    NamedTransfer,
    class_totals,
    holdings,
    named,
    view,
)
from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.errors import AccountNotFound
from ringfence_custody.ledger.domain.purposes import CORRECTION, TAKEN_BACK, AccountClass, RulePack
from ringfence_custody.ledger.domain.shortfall import is_reserved

Answer = TypeVar("Answer")
MOST_OF_ENTRY = 1_000
"""Transfers that name an entry of a bank as what took money: three at most."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Every answer shows committed facts only."""

    writer: GroupWriter
    state: State
    statements: Statements

    async def accounts(self, book_id: bytes, account_ids: Sequence[bytes]) -> list[AccountView]:
        """Returns accounts in the order asked; those not in the book are left out."""

        def read(accounts: Accounts) -> list[AccountView]:
            found = (accounts.index.get(each) for each in account_ids)
            return [view(accounts, account) for account in found if account is not None]

        return await self._read(book_id, lambda book: read(book.accounts))

    async def owners_of(self, book_id: bytes, account_ids: Sequence[bytes]) -> list[tuple[bytes, int]]:
        """Returns owner and class of each account, in the order asked; class 0 where the book has no such account."""

        def read(accounts: Accounts) -> list[tuple[bytes, int]]:
            # Index 0 is nobody, of no class and without an owner.
            found = (accounts.index.get(each, 0) for each in account_ids)
            return [(accounts.owner_id[account], accounts.account_class[account]) for account in found]

        return await self._read(book_id, lambda book: read(book.accounts))

    async def holdings(self, book_id: bytes, owner_ids: Sequence[bytes]) -> list[Holdings]:
        """Returns what each owner has in a book, in the order asked; raises StatementsBehind."""

        def read(accounts: Accounts) -> list[tuple[list[int], Holdings]]:
            owned = [accounts.of_owner.get(each, []) for each in owner_ids]
            return [(list(each), holdings(accounts, each)) for each in owned]

        found = await self._read(book_id, lambda book: read(book.accounts))
        await self.statements.reached()
        indexes = [account for owned, _ in found for account in owned]
        moved = await asyncio.to_thread(self.statements.last_movements, book_id, indexes) if indexes else {}
        return [
            replace(each, last_movement_ns=max((moved.get(account, 0) for account in owned), default=0))
            for owned, each in found
        ]

    async def list_accounts(
        self, book_id: bytes, wanted: AccountFilter, after: int, limit: int
    ) -> tuple[list[AccountView], int]:
        """Returns a page after a dense index, 0 at the beginning, and the index to go on after, 0 at the end."""

        def read(accounts: Accounts) -> tuple[list[AccountView], int]:
            page, more = wanted.page(accounts, after, limit)
            return [view(accounts, account) for account in page], more

        return await self._read(book_id, lambda book: read(book.accounts))

    async def book_accounts(self, book_id: bytes) -> tuple[list[AccountView], list[AccountView], list[AccountView]]:
        """Returns bank mirrors and suspense accounts, the oldest of each ledger, and the other mirrors."""

        def read(accounts: Accounts) -> tuple[list[AccountView], list[AccountView], list[AccountView]]:
            first: dict[tuple[int, int], int] = {}
            others = []
            for account in accounts.of_owner.get(ZERO_ID, ()):
                key = accounts.account_class[account], accounts.ledger[account]
                if first.setdefault(key, account) != account and key[0] == AccountClass.BANK_MIRROR:
                    others.append(view(accounts, account))
            mirrors, suspense = (
                [view(accounts, account) for (each, _), account in first.items() if each == wanted]
                for wanted in (AccountClass.BANK_MIRROR, AccountClass.SUSPENSE)
            )
            return mirrors, suspense, others

        return await self._read(book_id, lambda book: read(book.accounts))

    async def totals(self, book_id: bytes) -> tuple[list[ClassTotals], int, int]:
        """Returns totals per class and ledger, the number of transfers, and the feed position they stand for."""

        def read(book: Book) -> tuple[list[ClassTotals], int, int]:
            return class_totals(book.accounts), book.open.first_row, self.writer.head.position

        # Within a group the balances may be ahead of what the group began with.
        return await self.writer.between_groups(lambda: read(self.state.look(book_id)))

    async def rules(self, book_id: bytes) -> RulePack:
        """Returns the rules in force in a book, the built-in minimum where none were adopted."""
        return await self._read(book_id, lambda book: book.rules)

    async def transfers(self, book_id: bytes, identifiers: Sequence[bytes]) -> list[NamedTransfer]:
        """Returns transfers in the order asked; unknown ids are left out. Raises StatementsBehind."""
        numbers = await self._read(
            book_id, lambda book: [(each, number) for each in identifiers for number in book.known.numbers(each)]
        )
        positions = self.state.batch_positions(book_id, numbers)
        await self.statements.reached()
        found = await asyncio.to_thread(self.statements.transfers, book_id, positions)
        transfers = [found[each] for each in identifiers if each in found]
        return await self._read(book_id, lambda book: [named(book.accounts, each) for each in transfers])

    async def list_transfers(self, book_id: bytes, selection: Selection) -> tuple[list[NamedTransfer], bool]:
        """Returns a page of transfers, and whether there are more; raises StatementsBehind."""
        await self.statements.reached()
        found = await asyncio.to_thread(self.statements.list_transfers, book_id, _and_one_more(selection))
        page = found[: selection.limit]
        answer = await self._read(book_id, lambda book: [named(book.accounts, each) for each in page])
        return answer, len(found) > len(page)

    async def corrections(self, book_id: bytes, mandate: bytes, limit: int) -> list[NamedTransfer]:
        """Returns the corrections that name a mandate, the oldest first; raises StatementsBehind."""
        found, _ = await self.list_transfers(book_id, Selection(limit=limit, code=CORRECTION, user_data_128=mandate))
        return found

    async def takings(self, book_id: bytes, entries: Sequence[bytes]) -> list[tuple[int, int]]:
        """Returns what a bank took by each entry, and what was given for it; raises StatementsBehind."""
        return [await self._taking(book_id, each) for each in entries]

    async def _taking(self, book_id: bytes, entry: bytes) -> tuple[int, int]:
        found, _ = await self.list_transfers(book_id, Selection(limit=MOST_OF_ENTRY, user_data_128=entry))
        of_banks = [each for each in found if each.transfer.code in TAKEN_BACK]
        taken = sum(each.transfer.amount for each in of_banks if is_reserved(each.debit_account_id))
        given = sum(each.transfer.amount for each in of_banks if is_reserved(each.credit_account_id))
        return taken, given

    async def statement(
        self, book_id: bytes, account_id: bytes, selection: Selection, *, debit: bool | None, reservations: bool
    ) -> tuple[list[tuple[NamedTransfer, StatementLine]], bool]:
        """Returns a page of lines, of one side or both, and whether there are more.

        Raises AccountNotFound, StatementsBehind.
        """

        def find(accounts: Accounts) -> StatementAccount:
            index = accounts.index.get(account_id)
            if index is None:
                raise AccountNotFound
            return StatementAccount(index=index, ledger=accounts.ledger[index], debit=debit, reservations=reservations)

        account = await self._read(book_id, lambda book: find(book.accounts))
        await self.statements.reached()
        found = await asyncio.to_thread(self.statements.statement, book_id, account, _and_one_more(selection))
        page = found[: selection.limit]
        answer = await self._read(book_id, lambda book: [(named(book.accounts, each.transfer), each) for each in page])
        return answer, len(found) > len(page)

    async def balances(
        self, book_id: bytes, account_ids: Sequence[bytes], *, as_of_ns: int, as_of_position: int
    ) -> list[tuple[bytes, int]]:
        """Returns (account, posted balance) at a time or feed position, now when neither is given.

        Accounts that are not in the book are left out. Raises InvalidArgument for a position that is still to come,
        StatementsBehind.
        """
        if not (as_of_ns or as_of_position):
            views = await self.accounts(book_id, account_ids)
            return [(each.id, each.credits_posted - each.debits_posted) for each in views]
        indexes = await self._indexes(book_id, account_ids)
        if as_of_position > self.writer.head.position:
            raise InvalidArgument("as_of_position is still to come", field="as_of_position")
        known = [each for each in indexes if each is not None]
        await self.statements.reached()
        found = await asyncio.to_thread(self._past_balances, book_id, known, as_of_ns, as_of_position)
        pairs = zip(account_ids, indexes, strict=True)
        return [(account_id, found[index]) for account_id, index in pairs if index is not None]

    def _past_balances(self, book_id: bytes, accounts: list[int], as_of_ns: int, as_of_position: int) -> dict[int, int]:
        if as_of_position:
            as_of_ns = self.statements.time_of(book_id, as_of_position)
        return self.statements.balances(book_id, accounts, as_of_ns)

    async def _indexes(self, book_id: bytes, account_ids: Sequence[bytes]) -> list[int | None]:
        return await self._read(book_id, lambda book: [book.accounts.index.get(each) for each in account_ids])

    async def _read(self, book_id: bytes, read: Callable[[Book], Answer]) -> Answer:
        """Reads a book between two commits; one in which nothing ever happened is empty."""
        return await self.writer.commit(lambda unit: read(self.state.look(book_id)))


def _and_one_more(selection: Selection) -> Selection:
    """Asks for one more than a page has, which tells whether the page is the last."""
    return replace(selection, limit=selection.limit + 1)
