"""What the application needs from outside."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_custody.ledger.domain.book import TransferBatches
from ringfence_custody.ledger.domain.packed import Transfer


class CommittedBatches(TransferBatches, Protocol):
    """Where one book's batches stand, told as they are committed or replayed.

    `positions` has the feed position of batch number k at k - 1.
    """

    positions: array[int]

    def committed(self, number: int, position: int) -> None:
        """Takes note that batch `number` is the event at a feed position; numbers come in order, and maybe again."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A transfer of an account, its posted balance after it in minor units, and the commit.

    A reservation and its void leave the balance as it was.
    """

    transfer: Transfer
    balance_minor: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementAccount:
    """Whose lines a statement shows: the account by dense index, and its ledger.

    `debit` tells which side alone, None means both; `reservations` whether what moved no posted balance is shown too.
    """

    index: int
    ledger: int
    debit: bool | None = None
    reservations: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which transfers, from what time (inclusive) until when (exclusive), in which order, and at most how many.

    Values that are 0 or empty ask for nothing; `until_ns` 0 has no bound.
    """

    ledger: int = 0
    code: int = 0
    user_data_128: bytes = b""
    user_data_64: int = 0
    user_data_32: int = 0
    from_ns: int = 0
    until_ns: int = 0
    newest_first: bool = False
    limit: int


class Statements(Protocol):
    """The read model; every call blocks, and raises StoreUnavailable."""

    def statement(self, book_id: bytes, account: StatementAccount, selection: Selection) -> list[StatementLine]:
        """Returns the lines that an account has."""

    def list_transfers(self, book_id: bytes, selection: Selection) -> list[Transfer]:
        """Returns transfers of the book."""

    def balances(self, book_id: bytes, accounts: Sequence[int], as_of_ns: int) -> dict[int, int]:
        """Returns posted balances, credits minus debits, at a time."""

    def last_movements(self, book_id: bytes, accounts: Sequence[int]) -> dict[int, int]:
        """Returns when each account's posted balance moved last, UTC nanoseconds; those that never did are left out."""

    def time_of(self, book_id: bytes, position: int) -> int:
        """Returns the time of the book's last transfer at or before a feed position; 0 when there is none."""

    async def reached(self) -> None:
        """Waits until everything committed so far can be read; raises StatementsBehind after a bound."""

    def transfers(self, book_id: bytes, positions: Sequence[tuple[bytes, int]]) -> dict[bytes, Transfer]:
        """Returns the transfers found, by id; each is looked for in the commit at the feed position given with it."""
