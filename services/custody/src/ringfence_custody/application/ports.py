"""What the application needs from outside."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_custody.domain.book import TransferBatches
from ringfence_custody.domain.packed import Transfer


class CommittedBatches(TransferBatches, Protocol):
    """Where one book's batches stand, told as they are committed or replayed.

    `positions` has the feed position of batch number k at k - 1.
    """

    positions: array[int]

    def committed(self, number: int, position: int) -> None:
        """Takes note that batch `number` is the event at a feed position; numbers come in order, and maybe again."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A transfer that moved an account's posted balance, that balance after it in minor units, and its commit."""

    transfer: Transfer
    balance_minor: int
    position: int


class Statements(Protocol):
    """The read model; every call blocks, and raises StoreUnavailable."""

    def statement(self, book_id: bytes, account: int, after_ns: int, until_ns: int, limit: int) -> list[StatementLine]:
        """Returns up to `limit` lines later than `after_ns`, oldest first; `until_ns` 0 has no bound."""

    def balances(self, book_id: bytes, accounts: Sequence[int], as_of_ns: int) -> dict[int, int]:
        """Returns posted balances, credits minus debits, at a time."""

    async def reached(self) -> None:
        """Waits until everything committed so far can be read; raises StatementsBehind after a bound."""

    def transfers(self, book_id: bytes, identifiers: Sequence[bytes]) -> dict[bytes, Transfer]:
        """Returns the transfers found, by id."""
