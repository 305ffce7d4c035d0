"""Linked chains: rows that succeed or fail together."""

from __future__ import annotations

from itertools import accumulate

from ringfence_custody.ledger.domain.result_codes import LINKED
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus as Status


class Chain:
    """Follows the chains of batches. Codes 0, 1 and 2 are the same for accounts and transfers."""

    __slots__ = ("_broken", "_last", "_start")

    def __init__(self, *counts: int) -> None:
        """Takes the number of rows of each batch; no chain reaches from one into the next."""
        self._start: int | None = None
        self._broken = False
        self._last = {end - 1 for end in accumulate(counts)}

    def enter(self, row: int, flags: int) -> int:
        """Returns the status that the chain forces on a row before it is looked at, or 0.

        A linked last row is always `linked_event_chain_open`, even in a chain that is broken.
        """
        if flags & LINKED:
            if self._start is None:
                self._start = row
            if row in self._last:
                return Status.LINKED_EVENT_CHAIN_OPEN
        return Status.LINKED_EVENT_FAILED if self._broken else 0

    def leave(self, row: int, flags: int, status: int) -> range:
        """Takes the row's status; returns the rows before it that must be taken back, because it broke the chain."""
        taken_back = range(0)
        if self._start is not None:
            if status and not self._broken:
                self._broken = True
                taken_back = range(self._start, row)
            if not flags & LINKED or status == Status.LINKED_EVENT_CHAIN_OPEN:
                self._start, self._broken = None, False
        return taken_back
