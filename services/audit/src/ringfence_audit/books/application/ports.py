"""What is asked of the books' tables, and of custody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ringfence_audit.books.domain.figures import Books
from ringfence_audit.books.domain.shown import Shown
from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.state import LogPosition


class Closed(NamedTuple):
    """A closing of custody at the index of its leaf, and what the log states of it; `closed_ns` UTC."""

    leaf: int
    tenant: bytes
    ledger: int
    closed_ns: int
    is_same: bool
    is_covered: bool
    stated: Mapping[str, Value]


class PastBooks(NamedTuple):
    """Books of a past instant, over the log's first `size` leaves; the account's four sums where one was asked for."""

    size: int
    books: Books
    balances: tuple[int, int, int, int] | None


class Closings(Protocol):
    """What custody has closed, as far as the tables show."""

    def after(self, leaf: int, limit: int) -> Sequence[Closed]:
        """Gives closings from a leaf on, in order of the log; blocks."""

    def newest(self) -> Sequence[Closed]:
        """Gives the newest closing of each platform and currency; blocks."""

    def position_below(self, size: int) -> int:
        """Gives the position in the log's feed of the newest leaf below an index; blocks."""

    def last(self, tenant: bytes, ledger: int, size: int, until_ns: int) -> Closed | None:
        """Gives the newest closing of a platform and currency by a time, below a leaf; blocks."""


class Past(Protocol):
    """Books of past instants."""

    def books(self, tenant: bytes, ledger: int, account: bytes | None, size: int, until_ns: int) -> PastBooks:
        """Computes them from leaves below an index, up to a time, UTC nanoseconds; blocks."""

    def every(self, keys: Sequence[tuple[bytes, int]], size: int) -> list[Books]:
        """Computes several books from all leaves below an index; blocks."""

    def shown(self, closed: Closed, account: bytes) -> Shown:
        """Gives what shows an account in the books of a closing; blocks."""


class StatedBooks(Protocol):
    """Leaves that state what the log comes to at closings."""

    def end(self, stood: LogPosition) -> int:
        """Gives the leaf from which on no closing can have one that is under the checkpoint and in the index."""

    def receipt(self, closed: Closed, stood: LogPosition) -> str | None:
        """Gives the receipt of the one of a closing; None where none is under the checkpoint and in the index.

        Nor is one where the index is being filled anew, or is damaged.
        """


class Custody(Protocol):
    """Custody, asked to close books."""

    async def close(self, tenant: bytes, ledger: int, demand: bytes) -> int:
        """Has it close the books of a platform and currency; gives the position in its feed.

        Raises BooksUnknown, CustodyAway.
        """
