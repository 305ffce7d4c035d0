"""What reconciliation needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_custody.reconciliation.domain.breaks import Break
from ringfence_custody.reconciliation.domain.mirror import Statement


class Days(Protocol):
    """Business days of a currency, as days since 1970-01-01; may raise that a year's list is missing."""

    def today(self, ledger: int) -> int:
        """Returns the day that is open."""

    def next_business_day(self, ledger: int, day: int) -> int:
        """Returns the first business day after a day."""


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """A pair of a match, as it was recorded; ids are zero where a side has no line. Confidence in percent.

    Day and amount are those of the bank's line, above zero where money came in.
    """

    match: bytes
    movement: bytes
    transfer: bytes
    stage: int
    version: int
    confidence: int
    day: int
    amount_minor: int
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class MatchedAmounts:
    """What movements that have left memory were matched with, minor units, as of a position of the feed."""

    position: int
    amounts: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class MatchLines:
    """The lines of a match as they are kept, each once, as of a position of the feed; none where there is no match."""

    position: int
    movements: bytes
    transfers: bytes


@dataclass(frozen=True, slots=True)
class BreakStep:
    """A break after a step, and who has taken it: zero for what nobody did."""

    now: Break
    actor: bytes = ZERO_ID


class Matches(Protocol):
    """What has left memory; every call blocks, and raises StoreUnavailable."""

    def amounts(self, book: bytes, mirror: bytes, movements: Sequence[bytes]) -> MatchedAmounts:
        """Returns the amounts of movements that are matched."""

    def lines(self, book: bytes, mirror: bytes, match: bytes) -> MatchLines:
        """Returns the lines of a match; none where there is none, or it is undone."""

    def page(self, book: bytes, mirror: bytes, day: int, after: bytes, limit: int) -> list[MatchedPair]:
        """Returns pairs of a booking day in order of their match."""

    def statement(self, book: bytes, mirror: bytes, day: int) -> Statement | None:
        """Returns the newest statement that covers a day."""

    def break_life(self, identifier: bytes) -> list[BreakStep]:
        """Returns a break as each of its steps left it, wherever it is; none where there is no such break."""
