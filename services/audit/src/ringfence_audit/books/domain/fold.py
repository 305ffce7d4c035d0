"""Balances of all platforms from custody's leaves alone: a pure function of them, however they come together.

Leaves of accounts open rows; a plain transfer posts its amount; one with flag PENDING reserves it; a post or a void
frees what was reserved, a post posts its own amount; an expiry frees. What names an account that was not opened before
it moves nothing there. Where custody has closed books, what its leaves come to up to there is a `Closing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ringfence_audit.books.domain.book import Book, Opened, Reservation
from ringfence_audit.books.domain.columns import Bytes, Numbers, columns_of, integers
from ringfence_audit.books.domain.figures import CLASS_PREFIX, ID_BYTES, Books
from ringfence_audit.log.domain.leaf import BYTES, INTEGER, Value, decode, prefix

TRANSFER, ACCOUNT, EXPIRED, CLOSED = (
    prefix(f"custody.{name}.v1") for name in ("transfer", "account", "transfer_expired", "books_closed")
)
PENDING, POST, VOID = 1 << 1, 1 << 2, 1 << 3
"""Flags of transfers (docs/ledger.md)."""
OF_TRANSFERS = {
    "tenant_id": BYTES,
    "transfer_id": BYTES,
    "debit_account_id": BYTES,
    "credit_account_id": BYTES,
    "pending_id": BYTES,
    "amount_minor": INTEGER,
    "flags": INTEGER,
    "time_ns": INTEGER,
}
NO_ID = bytes(ID_BYTES)
Expiry = tuple[int, bytes]
"""Index of the leaf, and the transfer whose time was over."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Books that custody has closed, at the index of its leaf: what it says, and what the leaves before come to."""

    leaf: int
    tenant: bytes
    ledger: int
    said: Mapping[str, Value]
    books: Books

    @property
    def is_same(self) -> bool:
        """Tells whether custody says the same of every account and total."""
        compared = {name for name in self.said if name.startswith(CLASS_PREFIX)} | self.books.stated().keys()
        return all(self.said.get(name) == self.books.stated().get(name) for name in compared)


@dataclass(frozen=True, slots=True)
class Bound:
    """Which leaves are taken in where not all are: of one platform, up to a time, UTC nanoseconds."""

    tenant: bytes
    until_ns: int


@dataclass(frozen=True, slots=True)
class Block:
    """Leaves of custody with their indexes, in order of the log, up to its size `end`.

    `position` is that of the last event in the log's feed, `is_mark` whether folds are saved after it.
    """

    leaves: Sequence[tuple[int, bytes]]
    end: int
    position: int
    is_mark: bool = False


@dataclass(slots=True)
class Fold:
    """Books by platform; `size` is the log's size that they are of, `latest_ns` the latest time of a transfer."""

    size: int = 0
    latest_ns: int = 0
    books: dict[bytes, Book] = field(default_factory=dict)
    classes: list[str] = field(default_factory=lambda: [""])
    """Names of classes in small letters, by the numbers that rows have."""

    def take(self, block: Block, bound: Bound | None = None) -> Iterator[Closing]:
        """Takes in a block, and yields what custody has closed in it."""
        start = 0
        for number in [number for number, (_, leaf) in enumerate(block.leaves) if leaf.startswith(CLOSED)]:
            self._move(block.leaves[start:number], bound)
            start = number
            if bound is None:
                yield self._closing(*block.leaves[number])
        self._move(block.leaves[start:], bound)
        self.size = block.end

    def read(self, tenant: bytes, ledger: int) -> Books:
        """Gives the books of a platform and currency; empty ones where it has none."""
        return self.books.get(tenant, Book()).read(ledger, self.classes)

    def _closing(self, index: int, leaf: bytes) -> Closing:
        _, said = decode(leaf)
        tenant, ledger = _id(said, "tenant_id"), _integer(said, "ledger")
        return Closing(index, tenant, ledger, said, self.read(tenant, ledger))

    def _move(self, leaves: Sequence[tuple[int, bytes]], bound: Bound | None) -> None:
        """Takes in leaves between two closings: accounts, then what is posted at once, then the rest in order."""
        opened, expired, transfers = _of_kinds(leaves, ACCOUNT, EXPIRED, TRANSFER)
        self._open(opened, bound)
        columns = columns_of([leaf for _, leaf in transfers], OF_TRANSFERS)
        indexes = np.array([index for index, _ in transfers], np.int64)
        times = integers(columns["time_ns"])
        if len(times):
            self.latest_ns = max(self.latest_ns, int(times.max()))
        groups = _by_platform(columns["tenant_id"])
        expiries = self._expiries(expired, bound)
        for tenant in {**groups, **expiries}:
            rows = groups.get(tenant, np.zeros(0, np.int64))
            if bound is not None:
                rows = rows[times[rows] <= bound.until_ns] if tenant == bound.tenant else rows[:0]
            taken = {name: column[rows] for name, column in columns.items()}
            _Moves(self.books.setdefault(tenant, Book()), indexes[rows], taken).make(expiries.get(tenant, ()))

    def _open(self, leaves: Sequence[tuple[int, bytes]], bound: Bound | None) -> None:
        opened: dict[bytes, dict[bytes, Opened]] = {}
        for index, leaf in leaves:
            _, fields = decode(leaf)
            tenant, identifier = _id(fields, "tenant_id"), _id(fields, "account_id")
            if self._is_in(tenant, fields, bound):
                number = self._class(str(fields.get("account_class", "")).lower())
                account = Opened(identifier, _integer(fields, "ledger"), number, index)
                opened.setdefault(tenant, {}).setdefault(identifier, account)
        for tenant, accounts in opened.items():
            self.books.setdefault(tenant, Book()).add(accounts)

    def _expiries(self, leaves: Sequence[tuple[int, bytes]], bound: Bound | None) -> dict[bytes, list[Expiry]]:
        found: dict[bytes, list[Expiry]] = {}
        for index, leaf in leaves:
            _, fields = decode(leaf)
            tenant = _id(fields, "tenant_id")
            if self._is_in(tenant, fields, bound):
                found.setdefault(tenant, []).append((index, _id(fields, "transfer_id")))
        return found

    def _is_in(self, tenant: bytes, fields: Mapping[str, Value], bound: Bound | None) -> bool:
        """Tells whether a leaf is to be taken in, and takes note of its time."""
        time_ns = _integer(fields, "time_ns")
        self.latest_ns = max(self.latest_ns, time_ns)
        return bound is None or (tenant == bound.tenant and time_ns <= bound.until_ns)

    def _class(self, name: str) -> int:
        if name not in self.classes:
            self.classes.append(name)
        return self.classes.index(name)


@dataclass(frozen=True, slots=True)
class _Moves:
    """Transfers of one platform, in order of the log."""

    book: Book
    indexes: Numbers
    columns: Mapping[str, Bytes]

    def make(self, expiries: Sequence[Expiry]) -> None:
        """Has the book take them in, and expiries in their places between them."""
        flags, amounts = integers(self.columns["flags"]), integers(self.columns["amount_minor"])
        debit, credit = (self._accounts(side) for side in ("debit_account_id", "credit_account_id"))
        plain = flags & (PENDING | POST | VOID) == 0
        self.book.post_all(debit[plain], credit[plain], amounts[plain])
        others = np.flatnonzero(~plain)
        steps: list[tuple[int, bytes, tuple[int, ...]]] = [(index, transfer, ()) for index, transfer in expiries]
        named = np.where((flags[others] & PENDING > 0)[:, None], *(self.columns[each][others] for each in _NAMES))
        values = zip(*(column[others].tolist() for column in (flags, debit, credit, amounts)), strict=True)
        steps += zip(self.indexes[others].tolist(), _ids(named), values, strict=True)
        for _, transfer, step in sorted(steps):
            self._step(transfer, *step)

    def _step(self, transfer: bytes, flags: int = VOID, debit: int = 0, credit: int = 0, amount_minor: int = 0) -> None:
        """Takes in what is not posted at once; an expiry frees as a void does."""
        if flags & PENDING:
            self.book.reserve(transfer, Reservation(debit, credit, amount_minor))
            return
        self.book.release(transfer)
        if flags & POST:
            self.book.move(debit, credit, 0, amount_minor)

    def _accounts(self, side: str) -> Numbers:
        ids = np.ascontiguousarray(self.columns[side]).view(np.uint64).reshape(-1, 2)
        return self.book.rows(ids, self.indexes)


_NAMES = ("transfer_id", "pending_id")
"""By which a reservation is named where it is made, and where it ends."""


def _of_kinds(leaves: Sequence[tuple[int, bytes]], *kinds: bytes) -> list[list[tuple[int, bytes]]]:
    """Gives the leaves of each of some kinds, which are told by their prefixes."""
    found: dict[bytes, list[tuple[int, bytes]]] = {kind: [] for kind in kinds}
    for each in leaves:
        of_kind = found.get(each[1][: 2 + each[1][1]])
        if of_kind is not None:
            of_kind.append(each)
    return list(found.values())


def _by_platform(tenants: Bytes) -> dict[bytes, Numbers]:
    """Gives the numbers of the leaves of each platform."""
    if not len(tenants):
        return {}
    if (tenants == tenants[0]).all():
        return {tenants[0].tobytes(): np.arange(len(tenants))}
    found: dict[bytes, list[int]] = {}
    for number, tenant in enumerate(_ids(tenants)):
        found.setdefault(tenant, []).append(number)
    return {tenant: np.array(numbers) for tenant, numbers in found.items()}


def _id(fields: Mapping[str, Value], name: str) -> bytes:
    value = fields.get(name)
    return value if isinstance(value, bytes) and len(value) == ID_BYTES else NO_ID


def _integer(fields: Mapping[str, Value], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else 0


def _ids(column: NDArray[np.uint8]) -> list[bytes]:
    packed = column.tobytes()
    return [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
