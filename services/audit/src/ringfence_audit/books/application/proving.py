"""Proves an account's balance at a closing: under the books that the log has stated of it, in a leaf of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_audit.books.application.ports import Closed, Closings, Past, StatedBooks
from ringfence_audit.books.domain.shown import balance
from ringfence_audit.log.domain.state import LogPosition

MOST_CLOSINGS = 16
"""So many are tried: the last may be stated by no leaf yet that a checkpoint and the index are over."""
NEVER_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Proving:
    """Makes proofs of balances; every call blocks."""

    closings: Closings
    past: Past
    stated: StatedBooks

    def of(self, account: bytes, closed: Closed | None, stood: LogPosition) -> bytes:
        """Gives the proof at a closing, or at one before; empty where none is proven by then."""
        end = self.stated.end(stood)
        if closed is not None and closed.leaf >= end:
            closed = self.closings.last(closed.tenant, closed.ledger, end, NEVER_NS)
        for _ in range(MOST_CLOSINGS):
            if closed is None:
                break
            if receipt := self.stated.receipt(closed, stood):
                return balance(account, receipt, self.past.shown(closed, account))
            closed = self.closings.last(closed.tenant, closed.ledger, closed.leaf, NEVER_NS)
        return b""
