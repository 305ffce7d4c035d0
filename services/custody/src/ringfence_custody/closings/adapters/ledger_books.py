"""The ledger's accounts in the form in which books are closed, columns at a time: there may be millions.

Pages are made ahead, in slices between which the service answers, and what has changed meanwhile is made again: in the
commit that closes the books that is little.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ringfence_custody.closings.adapters.paged_books import CLASS_BITS, Arranged, PagedBooks, in_order
from ringfence_custody.closings.domain.books import PAGE_ACCOUNTS, Books, PageTree
from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.book import Book

FEW = 8 * PAGE_ACCOUNTS
"""So many accounts that have changed are left to the commit: some milliseconds."""
ROUNDS = 6
"""A book in which more changes than can be made again meanwhile is not run after for ever."""
PACKED_TOGETHER = 16_384
_END = object()


@dataclass(slots=True)
class LedgerBooks:
    """Reads the books of the ledger. Which account comes first by its id is kept, 8 bytes an account; what was made
    ahead, 50 more, until it is let go.

    While `is_stale` says so nobody may look at them.
    """

    books: Callable[[], Mapping[bytes, Book]]
    is_stale: Callable[[], bool] = lambda: False
    _orders: dict[bytes, Arranged] = field(default_factory=dict)
    _ahead: dict[tuple[bytes, int], PagedBooks] = field(default_factory=dict)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    def opened(self) -> Iterator[tuple[bytes, int]]:
        """Yields the platforms and currencies that have accounts."""
        for tenant, book in self.books().items():
            keys = np.frombuffer(book.accounts.ledger_class, np.uint16)[1:]
            for ledger in np.unique(keys >> CLASS_BITS).tolist():
                yield tenant, ledger

    async def prepare(self, tenant: bytes, ledger: int) -> None:
        """Makes pages ahead, so that `read` has little to do; gives up where the ledger is being read anew."""
        async with self._one:
            for _ in range(ROUNDS):
                accounts = self._accounts(tenant)
                if accounts is None:
                    return
                made = self._ahead.get((tenant, ledger))
                if made is not None and made.fits(accounts):
                    changed = made.changed()
                    if len(changed) <= FEW:
                        return
                    steps = made.taking(changed)
                else:
                    order = await self._arranged(tenant, accounts)
                    if not self._is_there(tenant, order):
                        return
                    keys = np.frombuffer(accounts.ledger_class, np.uint16).copy()
                    made = await asyncio.to_thread(PagedBooks.begun, order, keys, ledger)
                    steps = made.making()
                if not await self._gone_through(steps, tenant, made.arranged):
                    return
                self._ahead[tenant, ledger] = made

    def read(self, tenant: bytes, ledger: int) -> Books:
        """Returns what the accounts of a platform and currency add up to; of none where there are none."""
        book = self.books().get(tenant)
        if book is None or len(book.accounts) == 1:
            return Books(0, PageTree().root())
        accounts, made = book.accounts, self._ahead.get((tenant, ledger))
        if made is None or not made.fits(accounts):
            keys = np.frombuffer(accounts.ledger_class, np.uint16)
            made = PagedBooks.begun(self._arranged_now(tenant, accounts), keys, ledger)
            deque(made.making(), maxlen=0)
        else:
            deque(made.taking(made.changed()), maxlen=0)
        return made.books()

    def let_go(self, tenant: bytes, ledger: int) -> None:
        """Forgets what was made ahead."""
        self._ahead.pop((tenant, ledger), None)

    def _accounts(self, tenant: bytes) -> Accounts | None:
        book = None if self.is_stale() else self.books().get(tenant)
        return book.accounts if book and len(book.accounts) > 1 else None

    def _is_there(self, tenant: bytes, order: Arranged) -> bool:
        """Tells whether accounts may be looked at, and are those that were arranged."""
        return self._accounts(tenant) is order.accounts and order.is_so

    async def _gone_through(self, steps: Iterator[None], tenant: bytes, order: Arranged) -> bool:
        """Goes through steps with a pause before each, and tells whether the accounts were there all the time."""
        while True:
            await asyncio.sleep(0)
            if not self._is_there(tenant, order):
                return False
            if next(steps, _END) is _END:
                return True

    async def _arranged(self, tenant: bytes, accounts: Accounts) -> Arranged:
        known = self._known(tenant, accounts)
        if known is None:
            count, cuts, packed = len(accounts), accounts.cuts, list[bytes]()
            for at in range(1, count, PACKED_TOGETHER):
                packed.append(b"".join(accounts.id[at : min(at + PACKED_TOGETHER, count)]))
                await asyncio.sleep(0)
            order = await asyncio.to_thread(lambda: in_order(b"".join(packed)))
            known = self._orders[tenant] = Arranged(accounts, count, cuts, order)
        return known

    def _arranged_now(self, tenant: bytes, accounts: Accounts) -> Arranged:
        known = self._known(tenant, accounts)
        if known is None:
            order = in_order(b"".join(accounts.id[1:]))
            known = self._orders[tenant] = Arranged(accounts, len(accounts), accounts.cuts, order)
        return known

    def _known(self, tenant: bytes, accounts: Accounts) -> Arranged | None:
        known = self._orders.get(tenant)
        is_all = known is not None and known.accounts is accounts and known.is_so and known.count == len(accounts)
        return known if is_all else None
