"""The books of a platform and currency in pages, as they stood at some moment, and brought up to date from there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ringfence_custody.closings.domain.books import (
    PAGE_ACCOUNTS,
    RECORD_BYTES,
    Books,
    PageTree,
    class_totals,
    page_hash,
)
from ringfence_custody.ledger.domain.accounts import Accounts, Numbers
from ringfence_custody.ledger.domain.purposes import CLASS_MASK, AccountClass

CLASS_BITS = CLASS_MASK.bit_length()
ID_BYTES = 16
BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
"""In the order of a record."""
SLICE_PAGES = 32
"""Pages that are made at once: some milliseconds."""
_HALF, _LOW = 32, (1 << 32) - 1
Sums = tuple[int, int, int, int, int, int]
"""Of a class: accounts, the four sums in the order of a record, and what is positive of the balances."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """The first accounts of a book, nobody at index 0 included, in order of their ids: `order` has their indexes."""

    accounts: Accounts
    count: int
    cuts: int
    order: Numbers

    @property
    def is_so(self) -> bool:
        """Tells whether these are the book's first accounts still: one whose commit failed has left its place."""
        return self.accounts.cuts == self.cuts


def in_order(packed: bytes) -> Numbers:
    """Gives the indexes, from 1 on, of accounts in order of their ids, which are given packed in order of indexes."""
    halves = np.frombuffer(packed, ">u8").reshape(-1, 2).astype(np.uint64)
    order: Numbers = np.lexsort((halves[:, 1], halves[:, 0])) + 1
    return order


@dataclass(slots=True)
class PagedBooks:
    """Balances by account and hashes by page; what has changed since is found by comparing, so that it is cheap to keep
    up with a book that goes on."""

    ledger: int
    arranged: Arranged
    rows: Numbers
    ranks: Numbers
    """Of each account in `rows`, -1 for one of another currency."""
    classes: NDArray[np.uint16]
    columns: list[Numbers] = field(default_factory=list)
    pages: PageTree = field(default_factory=PageTree)
    sums: dict[int, Sums] = field(default_factory=dict)

    @classmethod
    def begun(cls, arranged: Arranged, keys: NDArray[np.uint16], ledger: int) -> PagedBooks:
        """Chooses the accounts of a currency by a copy of the book's keys; no balance is taken yet."""
        count, keys = arranged.count, keys[: arranged.count]
        rows = arranged.order[keys[arranged.order] >> CLASS_BITS == ledger]
        ranks = np.full(count, -1, np.int64)
        ranks[rows] = np.arange(len(rows))
        return cls(ledger, arranged, rows, ranks, keys & np.uint16(CLASS_MASK))

    def fits(self, accounts: Accounts) -> bool:
        """Tells whether a book still has the same accounts of the currency."""
        if self.arranged.accounts is not accounts or not self.arranged.is_so:
            return False
        later = np.frombuffer(accounts.ledger_class, np.uint16)[self.arranged.count :] >> CLASS_BITS
        return not (later == self.ledger).any()

    def making(self) -> Iterator[None]:
        """Takes the balances and makes the pages, a slice at each step."""
        accounts, count = self.arranged.accounts, self.arranged.count
        for name in BALANCES:
            self.columns.append(accounts.view(name)[:count].copy())
            yield
        size = SLICE_PAGES * PAGE_ACCOUNTS
        for first in range(0, len(self.rows), size):
            some = self.rows[first : first + size]
            self.pages.append(self._hashed(some))
            self.pages.root()  # as far as there are pages: at once it would take long
            self._add(some, 1)
            yield

    def changed(self) -> Numbers:
        """Gives the accounts whose balances are others than were taken, in order of their ids."""
        accounts, count = self.arranged.accounts, self.arranged.count
        others = np.zeros(count, np.bool_)
        for name, column in zip(BALANCES, self.columns, strict=True):
            others |= accounts.view(name)[:count] != column
        found = np.flatnonzero(others)
        return self.rows[np.sort(self.ranks[found][self.ranks[found] >= 0])]

    def taking(self, changed: Numbers) -> Iterator[None]:
        """Takes what has changed, a slice at each step, as it stands by then."""
        pages = self.ranks[changed] // PAGE_ACCOUNTS
        wanted = np.unique(pages)
        for first in range(0, len(wanted), SLICE_PAGES):
            some = wanted[first : first + SLICE_PAGES]
            self._take(changed[(pages >= some[0]) & (pages <= some[-1])], some)
            yield

    def books(self) -> Books:
        """Gives what the balances that were taken add up to."""
        totals = {each.name: class_totals(*self.sums[each]) if each in self.sums else b"" for each in AccountClass}
        return Books(len(self.rows), self.pages.root(), totals)

    def _take(self, changed: Numbers, pages: Numbers) -> None:
        accounts = self.arranged.accounts
        self._add(changed, -1)
        for name, column in zip(BALANCES, self.columns, strict=True):
            column[changed] = accounts.view(name)[changed]
        self._add(changed, 1)
        ranks = (pages[:, None] * PAGE_ACCOUNTS + np.arange(PAGE_ACCOUNTS)).reshape(-1)
        hashed = self._hashed(self.rows[ranks[ranks < len(self.rows)]])
        for page, made in zip(pages.tolist(), hashed, strict=True):
            self.pages.put(page, made)
        self.pages.root()

    def _hashed(self, rows: Numbers) -> list[bytes]:
        """Hashes the pages that accounts fill; only the last of all may be short."""
        records = np.empty((len(rows), RECORD_BYTES), np.uint8)
        ids = self.arranged.accounts.id
        packed = b"".join([ids[row] for row in rows.tolist()])
        records[:, :ID_BYTES] = np.frombuffer(packed, np.uint8).reshape(-1, ID_BYTES)
        columns = np.stack([column[rows] for column in self.columns], axis=1).astype(">u8")
        records[:, ID_BYTES:] = columns.view(np.uint8).reshape(-1, RECORD_BYTES - ID_BYTES)
        content, size = records.tobytes(), PAGE_ACCOUNTS * RECORD_BYTES
        return [page_hash(content[at : at + size]) for at in range(0, len(content), size)]

    def _add(self, rows: Numbers, sign: int) -> None:
        """Adds accounts to the sums of their classes, or takes them away.

        A balance below zero is a memory that is wrong: it counts as its bits, so that the closing shows it.
        """
        classes = self.classes[rows]
        for each in np.unique(classes).tolist():
            of_class = rows[classes == each]
            _, debits, _, credits = columns = [column[of_class] for column in self.columns]
            owed = np.maximum(credits - debits, 0)
            counted = (len(of_class), *(_sum(column.view(np.uint64)) for column in (*columns, owed)))
            before = self.sums.get(each, (0,) * len(counted))
            accounts, pending, posted, pending_in, posted_in, minor = (
                one + sign * other for one, other in zip(before, counted, strict=True)
            )
            self.sums[each] = accounts, pending, posted, pending_in, posted_in, minor


def _sum(column: NDArray[np.uint64]) -> int:
    """Adds up exactly: a million of the largest amounts are more than a machine word holds."""
    return (int((column >> np.uint64(_HALF)).sum()) << _HALF) + int((column & np.uint64(_LOW)).sum())
