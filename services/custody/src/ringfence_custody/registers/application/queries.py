"""Reads of the registers: committed facts only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from ringfence_kernel.writing.writer import GroupWriter

from ringfence_custody.ledger.application.state import State as Books
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.registers.domain.records import Appointment, Bank, Letter, Mirror
from ringfence_custody.registers.domain.state import State

WHOLE = 10_000
"""Basis points of all of it."""
CLOSED = frozenset({AccountStatus.CLOSED, AccountStatus.REJECTED})

Row = TypeVar("Row")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class MirrorView:
    """A mirror, the state of its account, and the letter in force."""

    mirror: Mirror
    status: AccountStatus
    letter: Letter | None

    @property
    def lacks_letter(self) -> bool:
        """Tells whether it is without letter in force, and not closed."""
        return self.letter is None and self.status not in CLOSED


@dataclass(frozen=True, slots=True)
class BankShare:
    """What of a platform's money in a currency lies at one bank, minor units; no bank where there is no letter."""

    ledger: int
    bank: Bank | None
    amount_minor: int
    share_basis_points: int

    @property
    def limit_basis_points(self) -> int:
        """Returns what may lie there; without letter nothing may."""
        return self.bank.concentration_basis_points if self.bank else 0

    @property
    def is_breached(self) -> bool:
        """Tells whether more lies there than may."""
        return self.share_basis_points > self.limit_basis_points


@dataclass(frozen=True, slots=True)
class Queries:
    """Every list is paged by a count of rows passed: a row keeps its number for ever."""

    writer: GroupWriter
    state: State
    books: Books

    async def banks(self, after: int, limit: int) -> tuple[list[Bank], int]:
        """Returns a page of banks, and the number to go on after, 0 at the end."""
        return await self._read(lambda: _page(self.state.banks.values(), lambda each: True, after, limit))

    async def letters(
        self, tenant: bytes, account: bytes, after: int, limit: int
    ) -> tuple[list[tuple[Letter, Bank]], int]:
        """Returns a page of letters with their banks, of a book and account where these are named."""

        def read() -> tuple[list[tuple[Letter, Bank]], int]:
            found, more = _page(
                self.state.letters.values(),
                lambda each: tenant in (b"", each.tenant) and account in (b"", each.account),
                after,
                limit,
            )
            return [(each, self.state.banks[each.bank]) for each in found], more

        return await self._read(read)

    async def appointments(self, on_day: int, after: int, limit: int) -> tuple[list[Appointment], int]:
        """Returns a page of appointments, those on a day where one is named."""

        def wanted(each: Appointment) -> bool:
            return not on_day or each.is_on(on_day)

        return await self._read(lambda: _page(self.state.appointments.values(), wanted, after, limit))

    async def mirrors(
        self, tenant: bytes, only_without_letter: bool, after: int, limit: int
    ) -> tuple[list[tuple[MirrorView, Bank | None]], int]:
        """Returns a page of mirrors with the banks of their letters, of a book where one is named."""

        def wanted(each: Mirror) -> bool:
            return tenant in (b"", each.tenant) and (not only_without_letter or self.view(each).lacks_letter)

        def read() -> tuple[list[tuple[MirrorView, Bank | None]], int]:
            found, more = _page(self.state.mirrors.values(), wanted, after, limit)
            views = [self.view(each) for each in found]
            return [(each, self.state.banks[each.letter.bank] if each.letter else None) for each in views], more

        return await self._read(read)

    async def concentration(self, tenant: bytes) -> list[BankShare]:
        """Returns how a platform's money is spread over banks."""
        return await self.writer.between_groups(lambda: self.shares(tenant))

    def view(self, mirror: Mirror) -> MirrorView:
        """Returns a mirror as it stands."""
        status = self.books.look(mirror.tenant).accounts.shown_status(mirror.index)
        return MirrorView(mirror, status, self.state.in_force(mirror.tenant, mirror.account))

    def shares(self, tenant: bytes) -> list[BankShare]:
        """Returns the same as of the books in memory: by currency, then by BIC."""
        accounts = self.books.look(tenant).accounts
        held: defaultdict[tuple[int, bytes], int] = defaultdict(int)
        for each in self.state.mirrors_of(tenant):
            letter = self.state.in_force(each.tenant, each.account)
            held[each.ledger, letter.bank if letter else b""] += max(0, -accounts.posted_balance(each.index))
        totals: defaultdict[int, int] = defaultdict(int)
        for (ledger, _), amount in held.items():
            totals[ledger] += amount
        shares = [
            BankShare(ledger, self.state.banks.get(bank), amount, -(-amount * WHOLE // totals[ledger]))
            for (ledger, bank), amount in held.items()
            if amount
        ]
        return sorted(shares, key=lambda each: (each.ledger, each.bank.bic if each.bank else ""))

    def breaches(self) -> int:
        """Returns at how many banks more of a platform's money in a currency lies than may; 0 while books are stale."""
        if self.writer.is_stale:
            return 0
        tenants = dict.fromkeys(each.tenant for each in self.state.mirrors.values())
        return sum(each.is_breached for tenant in tenants for each in self.shares(tenant) if each.bank)

    def unlettered(self) -> int:
        """Returns how many mirrors are active or hold money without a letter in force."""
        return sum(self._is_unlettered(each) for each in self.state.mirrors.values())

    def _is_unlettered(self, mirror: Mirror) -> bool:
        view, accounts = self.view(mirror), self.books.look(mirror.tenant).accounts
        is_waiting = accounts.status[mirror.index] == AccountStatus.PENDING_LETTER
        return view.lacks_letter and not (is_waiting and not accounts.posted_balance(mirror.index))

    def reviews_due(self) -> dict[str, int]:
        """Returns how many banks and letters are to be reviewed."""
        banks = sum(each.review_due for each in self.state.banks.values())
        letters = [each for each in self.state.letters.values() if each.is_in_force]
        return {"bank": banks, "letter": sum(each.state is each.state.REVIEW_DUE for each in letters)}

    async def _read(self, read: Callable[[], Answer]) -> Answer:
        return await self.writer.commit(lambda unit: read())


def _page(rows: Iterable[Row], wanted: Callable[[Row], bool], after: int, limit: int) -> tuple[list[Row], int]:
    """Returns rows after a number, and the number to go on after, 0 at the end."""
    found = list(islice(_numbered(rows, wanted, after), limit + 1))
    page = found[:limit]
    return [row for _, row in page], page[-1][0] if len(found) > limit else 0


def _numbered(rows: Iterable[Row], wanted: Callable[[Row], bool], after: int) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(rows, 1):
        if number > after and wanted(row):
            yield number, row
