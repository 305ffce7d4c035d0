"""Closes books: at the end of each business day, and when audit asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from ringfence_kernel.values.business_days import calendar_of
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.closings.domain.books import Books
from ringfence_custody.closings.domain.errors import BooksUnknown
from ringfence_custody.closings.domain.events import BooksClosed
from ringfence_custody.closings.domain.state import State

AGAIN_NS = 5 * NANOSECONDS
"""A demand so soon after a closing gets that one: whoever asks again and again costs the book nothing."""


class ReadBooks(Protocol):
    """The ledger's accounts as they stand."""

    def opened(self) -> Iterable[tuple[bytes, int]]:
        """Returns the platforms and currencies that have accounts."""

    async def prepare(self, tenant: bytes, ledger: int) -> None:
        """Computes ahead what `read` needs, in steps between which the service answers."""

    def read(self, tenant: bytes, ledger: int) -> Books:
        """Returns what the accounts add up to; of none where there are none."""

    def let_go(self, tenant: bytes, ledger: int) -> None:
        """Forgets what was computed ahead."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Records what the books add up to, after all that the group has decided in them before.

    `seal` records that first, so that the position of the closing stands for all of it.
    """

    writer: GroupWriter
    state: State
    books: ReadBooks
    seal: Callable[[Unit, bytes], None]

    @asynccontextmanager
    async def before_day(self, calendar: str) -> AsyncIterator[None]:
        """Computes ahead what a day of a calendar closes, for a commit within."""
        opened = [] if self.writer.is_stale else list(self.books.opened())
        closed = sorted((tenant, ledger) for tenant, ledger in opened if calendar_of(ledger) == calendar)
        try:
            for each in closed:
                await self.books.prepare(*each)
            yield
        finally:
            for each in closed:
                self.books.let_go(*each)

    def on_day(self, unit: Unit, calendar: str, day: int) -> None:
        """Closes the books of every currency of a calendar within the commit that opens its next day.

        Of several days that one commit opens the first closes them: they are the same books.
        """
        for tenant, ledger in sorted(self.books.opened()):
            newest = self.state.of(tenant, ledger)
            is_closed = newest is not None and newest.position > self.writer.head.position
            if calendar_of(ledger) == calendar and not is_closed:
                self._close(unit, tenant, ledger, self._read(unit, tenant, ledger), day=day)

    async def demand(self, tenant: bytes, ledger: int, demand: bytes) -> int:
        """Closes books now and returns the position; a demand of the last gets its closing. Raises BooksUnknown."""

        def decide(unit: Unit) -> int:
            if (known := self._known(tenant, ledger, demand, unit.now_ns)) is not None:
                return known
            books = self._read(unit, tenant, ledger)
            if not books.accounts:
                raise BooksUnknown
            return self._close(unit, tenant, ledger, books, demand=demand)

        if self._known(tenant, ledger, demand, self.writer.clock.now_ns()) is not None:
            return await self.writer.commit(decide)
        try:
            await self.books.prepare(tenant, ledger)
            return await self.writer.commit(decide)
        finally:
            self.books.let_go(tenant, ledger)

    def _known(self, tenant: bytes, ledger: int, demand: bytes, now_ns: int) -> int | None:
        """Returns the position of the closing that a demand has got, or that was made just now; else None."""
        made, newest = self.state.made_for(tenant, ledger, demand), self.state.of(tenant, ledger)
        if made is None and newest and now_ns - newest.closed_ns < AGAIN_NS:
            return newest.position
        return made

    def _read(self, unit: Unit, tenant: bytes, ledger: int) -> Books:
        self.seal(unit, tenant)
        return self.books.read(tenant, ledger)

    def _close(self, unit: Unit, tenant: bytes, ledger: int, books: Books, *, day: int = 0, demand: bytes = b"") -> int:
        position = self.writer.head.position + len(unit.events)
        totals = {f"class_{name.lower()}": packed for name, packed in books.totals.items()}
        event = BooksClosed(
            tenant=tenant,
            ledger=ledger,
            day=day,
            demand=demand,
            closed_ns=unit.now_ns,
            as_of_position=position,
            accounts=books.accounts,
            balances_root=books.balances_root,
            **totals,
        )
        unit.record(stream_of(tenant, ledger), event)
        return position + 1


def stream_of(tenant: bytes, ledger: int) -> bytes:
    """Returns the stream of the closings of a platform and currency."""
    return external_id("custody.closings", tenant, str(ledger))
