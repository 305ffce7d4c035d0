"""Money that news had brought into the books by the end of a day, and that a bank has booked on a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfence_custody.reconciliation.domain.lines import LINE, mixed


@dataclass(frozen=True, slots=True)
class PlacedMoney:
    """Transfers that brought money and were matched with the movement that names them: amounts, where, and its day."""

    amounts: NDArray[np.int64]
    positions: NDArray[np.uint64]
    days: NDArray[np.int32]

    @classmethod
    def of(cls, movements: bytes, transfers: bytes) -> PlacedMoney:
        """Reads lines as reconciliation keeps them; each counts once, however often it stands there."""
        bank, books = np.frombuffer(movements, LINE), np.frombuffer(transfers, LINE)
        books = books[np.unique(books["id"], axis=0, return_index=True)[1]]
        books = books[(books["amount_minor"] > 0) & books["key"].any(axis=1)]
        bank = bank[np.argsort(mixed(bank["key"]), kind="stable")]
        known, wanted = mixed(bank["key"]), mixed(books["key"])
        at = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        own = known[at] == wanted if len(known) else np.zeros(len(wanted), bool)
        books, at = books[own], at[own]
        return cls(books["amount_minor"], books["position"], bank["day"][at])

    def later_minor(self, day: int, position: int) -> int:
        """Returns what was in the books at a position of the feed, and was booked after a day."""
        found: list[Any] = self.amounts[(self.positions <= position) & (self.days > day)].tolist()
        return sum(found)
