"""Finds the leaves that state books, by their kind and platform; every call blocks."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.values.errors import DomainError

from ringfence_audit.books.application.ports import Closed
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.index.domain.keys import kind_key
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.books import BOOKS_KIND
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.state import LogPosition, SignedHead
from ringfence_audit.log.domain.state_leaf import stated_books, stated_index

MOST_STATED = 64
"""The log states closings in their order, soon after each: those of other currencies may be between."""
_NO_INDEX = frozenset({"INDEX_MOVED", "INDEX_DAMAGED"})
"""Why no leaf is found for now: balances need none, so they are told without proof."""


@dataclass(frozen=True, slots=True)
class IndexedBooks:
    """What the index knows of them."""

    keys: Keys
    queries: Queries

    def end(self, stood: LogPosition) -> int:
        """Gives the leaf from which on no closing is stated, by the state under the checkpoint, or in the index."""
        signed = stood.signed_head()
        return min(_indexed(signed), stated_books(signed.state_leaf))

    def receipt(self, closed: Closed, stood: LogPosition) -> str | None:
        """Gives the receipt of the one of a closing; None where none is under the checkpoint and in the index."""
        end = _indexed(stood.signed_head())
        if closed.leaf >= end:
            return None
        try:
            located = self.keys.find([kind_key(BOOKS_KIND, closed.tenant)], closed.leaf, end, MOST_STATED)
        except DomainError as refusal:
            if refusal.reason not in _NO_INDEX:
                raise
            return None
        for index, leaf in self.queries.leaves_at(located.indexes):
            kind, fields = decode(leaf)
            if kind == BOOKS_KIND and fields.get("closing") == closed.leaf:
                return self.queries.receipt(index, stood)[1]
        return None


def _indexed(signed: SignedHead) -> int:
    return min(stated_index(signed.state_leaf).size, signed.size)
